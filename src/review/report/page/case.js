/* One case: its slices, and everything that is known of it. */
(() => {
  const dialog = byId("case");
  const elements = (id) => new Map([...document.querySelectorAll(`script[id^="${id}-"]`)].map((found) => [found.dataset.case, found]));
  const [stacks, volumes] = [elements("stack"), elements("volume")];
  const parsed = (found) => found && JSON.parse(found.textContent);
  let current = -1;

  const entry = (name, value) => (value === null || value === "" ? null : make("div", {}, make("dt", {}, name), make("dd", {}, value)));
  const times = (values) => values && values.map(figure).join("×");

  const linkTo = (name, text) => make("button", { type: "button", class: "link", "data-open": name }, text);

  /** Return a link to each augmented copy of a case, by what was done to it; null without copies. */
  function copiesOf(found) {
    const copies = FACTS.cases.filter((other) => other.parent === found.case);
    if (!copies.length) return null;
    return make("ul", {}, ...copies.map((copy) => make("li", {}, linkTo(copy.case, copy.transform || copy.case))));
  }

  function aboutOf(found) {
    const parent = found.parent !== null && linkTo(found.parent, found.parent);
    const folds = found.folds.length ? `validated by fold ${found.folds.join(", ")}` : "";
    return make("dl", { class: "facts" },
      entry("Split", [found.split === "train" ? "training" : found.split, folds].filter(Boolean).join(", ")),
      found.patient === null ? null : entry("Patient", found.patient_known ? found.patient : `${found.patient} (guessed from the name)`),
      parent ? entry("Copy of", parent) : null,
      entry("Changed by", found.transform),
      entry("Copies", copiesOf(found)),
      entry("Size", times(found.size)),
      entry("Spacing", found.spacing_mm && `${times(found.spacing_mm)} mm`),
      entry("Orientation", found.orientation),
      entry("Files", `${figure(found.megabytes)} MB`),
    );
  }

  function tableOf(heads, rows) {
    const cell = (value, place) => (place ? make("td", { class: "n" }, value) : make("th", { scope: "row" }, ...[value].flat()));
    return make("div", { class: "scroll" }, make("table", { class: "plain" },
      make("thead", {}, make("tr", {}, ...heads.map((head, place) => make("th", place ? { class: "n" } : {}, head)))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell))))));
  }

  function labelsOf(found) {
    if (!found.voxels) return make("p", { class: "note" }, found.split === "test" ? "No label." : "No readable label.");
    const held = FACTS.targets.filter((target) => voxelsOf(found, target.values) > 0);
    if (!held.length) return make("p", { class: "note" }, "The label holds only background.");
    return tableOf(["Class", VOLUME_UNIT], held.map(({ name, values }) => [[swatch(colourOf(values)), name], figure(volumeOf(found, values))]));
  }

  function scoresOf(found) {
    if (!found.scores.length) return null;
    const { classes, metrics } = FACTS.scores;
    const shown = (score, at) => (score === null ? "–" : score.toFixed(metrics[at].digits));
    const rows = classes.map(({ name }, at) => [name, ...found.scores[at].map(shown)]);
    return tableOf(["Score", ...metrics.map((metric) => metric.title)], rows);
  }

  function channelsOf(found) {
    if (!found.channels.length) return null;
    const rows = found.channels.map((values, at) => [FACTS.channels[at]?.name ?? String(at), values.low, values.percentile_05, values.median, values.percentile_95, values.high]);
    return tableOf(["Channel", "least", "5 %", "median", "95 %", "most"], rows.map(([name, ...values]) => [name, ...values.map(figure)]));
  }

  function findingsOf(found) {
    const about = FACTS.findings.filter((finding) => finding.case === found.case);
    if (!about.length) return null;
    return make("ul", { class: "about-findings" }, ...about.map((finding) => make("li", { class: finding.severity },
      make("span", { class: "code" }, `${finding.severity} ${finding.code}`), ` ${finding.message}`,
      ...finding.cures.map((cure) => make("span", { class: "cure" }, cure.replaceAll("`", ""))))));
  }

  function showView(found) {
    const [stack, volume] = [parsed(stacks.get(found.case)), volumes.get(found.case)];
    SLICES.close();
    VOLUMES.close();
    byId("ways").hidden = !(stack && volume);
    byId("slices").hidden = !stack;
    byId("volume-view").hidden = true;
    byId("no-slices").hidden = Boolean(stack);
    if (stack) {
      press(false);
      SLICES.show(stack);
    } else {
      const picture = document.querySelector(`#case-table tr[data-case="${current}"] .pic`).cloneNode(true);
      byId("no-slices").replaceChildren(picture, make("p", { class: "note" }, "The slices of this case are not in the report."));
    }
  }

  function press(volume) {
    byId("as-slices").setAttribute("aria-pressed", String(!volume));
    byId("as-volume").setAttribute("aria-pressed", String(volume));
  }

  function open(index) {
    current = index;
    const found = FACTS.cases[index];
    byId("case-name").textContent = found.case;
    const shown = CASES.shown();
    const place = shown.indexOf(index);
    byId("case-place").textContent = place < 0 ? "" : `${place + 1} of ${shown.length}`;
    const parts = [findingsOf(found), aboutOf(found), scoresOf(found), labelsOf(found), channelsOf(found)];
    byId("case-about").replaceChildren(...parts.filter(Boolean));
    history.replaceState(null, "", `#${new URLSearchParams({ case: found.case })}`);
    if (!dialog.open) dialog.showModal();
    showView(found);
    byId(stacks.has(found.case) ? "slice" : "next").focus();
  }

  function move(by) {
    const shown = CASES.shown();
    const place = shown.indexOf(current);
    if (shown.length) open(shown[(Math.max(place, by > 0 ? -1 : 0) + by + shown.length) % shown.length]);
  }

  const keys = {
    ArrowUp: () => SLICES.step(1),
    ArrowDown: () => SLICES.step(-1),
    ArrowLeft: () => move(-1),
    ArrowRight: () => move(1),
    l: SLICES.toggleAll,
    r: SLICES.reset,
    "[": () => SLICES.shiftWindow(-0.02, 0),
    "]": () => SLICES.shiftWindow(0.02, 0),
    "-": () => SLICES.shiftWindow(0, -0.02),
    "+": () => SLICES.shiftWindow(0, 0.02),
  };

  dialog.addEventListener("keydown", (event) => {
    const held = event.ctrlKey || event.metaKey || event.altKey;
    const typing = event.target.type === "range" && event.key.startsWith("Arrow");
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || held || typing) return;
    event.preventDefault();
    action();
  });
  /** Open the case that the address names. */
  function openNamed() {
    const name = new URLSearchParams(location.hash.slice(1)).get("case");
    if (PLACES.has(name)) open(PLACES.get(name));
  }

  dialog.addEventListener("close", () => {
    history.replaceState(null, "", "#cases");
    SLICES.close();
    VOLUMES.close();
    document.querySelector(`#case-table tr[data-case="${current}"] button`)?.focus({ preventScroll: true });
  });
  addEventListener("hashchange", openNamed);
  byId("close").addEventListener("click", () => dialog.close());
  byId("previous").addEventListener("click", () => move(-1));
  byId("next").addEventListener("click", () => move(1));
  byId("as-slices").addEventListener("click", () => {
    VOLUMES.close();
    press(false);
    byId("volume-view").hidden = true;
    byId("slices").hidden = false;
    SLICES.show(parsed(stacks.get(FACTS.cases[current].case)));
  });
  byId("as-volume").addEventListener("click", () => {
    press(true);
    byId("slices").hidden = true;
    byId("volume-view").hidden = false;
    VOLUMES.show(parsed(volumes.get(FACTS.cases[current].case)));
  });
  document.addEventListener("click", (event) => {
    const named = event.target.closest("[data-open]");
    if (named && PLACES.has(named.dataset.open)) open(PLACES.get(named.dataset.open));
    const numbered = event.target.closest("[data-case]");
    if (!named && numbered && !event.target.closest("a")) open(Number(numbered.dataset.case));
  });
  openNamed();
})();
