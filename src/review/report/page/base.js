"use strict";
/* Text of the dataset becomes text nodes and attributes only, never HTML. */
const FACTS = JSON.parse(document.getElementById("facts").textContent);

const byId = (id) => document.getElementById(id);

/** Return an element with attributes and children; null children are left out. */
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (name === "colour") made.style.setProperty("--c", value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Return a number with three significant digits, as the rest of the page has them. */
function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  if (Math.abs(value) < 1e-4) return value.toExponential(1);
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en", { maximumFractionDigits: Math.min(decimals, 20) });
}

const countOf = (number, noun, plural = `${noun}s`) => `${number.toLocaleString("en")} ${number === 1 ? noun : plural}`;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const swatch = (colour) => make("i", { class: "swatch", colour });
const LABELS = new Map(FACTS.labels.map((label) => [label.value, label]));
const PLACES = new Map(FACTS.cases.map((found, index) => [found.case, index]));
const colourOf = (values) => LABELS.get(values[0])?.colour ?? "";

/** Return the number of voxels with these values in a case; null without a label. */
function voxelsOf(found, values) {
  return found.voxels && values.reduce((sum, value) => sum + (found.voxels[value] ?? 0), 0);
}

/** Return the volume of label values in a case: millilitres, or pixels of a picture; null if it is not known. */
function volumeOf(found, values) {
  const voxels = voxelsOf(found, values);
  if (voxels === null || FACTS.pictures) return voxels;
  return found.voxel_ml === null ? null : voxels * found.voxel_ml;
}

const shownVolume = (volume) => (volume === null ? "–" : volume === 0 ? "none" : figure(volume));
const VOLUME_UNIT = FACTS.pictures ? "px" : "ml";

/** Return bytes from base64, unpacked if they are gzipped. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
