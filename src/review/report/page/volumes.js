/* A case in three dimensions: NiiVue where the browser has WebGL2, three planes with sliders elsewhere. */
const VOLUMES = (() => {
  const place = byId("volume-view");
  const PLANES = [
    ["axial", 2, ["R", "L", "A", "P"]],
    ["coronal", 1, ["R", "L", "S", "I"]],
    ["sagittal", 0, ["A", "P", "S", "I"]],
  ];
  let viewer = null;
  let asked = 0;

  const hasWebGL2 = () => document.createElement("canvas").getContext("webgl2") !== null;

  /** Run NiiVue, which is packed in the page: the policy of the page names its hash. */
  async function loadLibrary() {
    if (window.niivue) return;
    const text = new TextDecoder().decode(await unpacked(byId("packed-niivue").textContent));
    document.head.append(Object.assign(document.createElement("script"), { textContent: text }));
  }

  const channelsOf = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

  /** Return the colours of the label's values as NiiVue's table of colours. */
  function tableOf(values) {
    const colours = values.map((value) => channelsOf(LABELS.get(value)?.colour ?? "#ffffff"));
    const of = (at) => [0, ...colours.map((colour) => colour[at])];
    const names = ["", ...values.map((value) => LABELS.get(value)?.name ?? String(value))];
    return { R: of(0), G: of(1), B: of(2), A: [0, ...values.map(() => 255)], I: [0, ...values.map((_, at) => at + 1)], labels: names };
  }

  async function viewerOf() {
    if (viewer) return viewer;
    await loadLibrary();
    const canvas = make("canvas", { id: "volume-canvas", tabindex: "0" });
    place.replaceChildren(make("div", { class: "stage" }, canvas), make("div", { class: "controls" }, make("div", { class: "row" })));
    const { Niivue } = window.niivue;
    const options = { logLevel: "error", dragAndDropEnabled: false, isColorbar: false, showLegend: false, backColor: [0, 0, 0, 1], crosshairColor: [1, 1, 1, 0.6], isRadiologicalConvention: true, sagittalNoseLeft: true, multiplanarShowRender: 1, multiplanarLayout: 2, crosshairWidth: 0.3, crosshairWidthUnit: "percent" };
    viewer = new Niivue(options);
    await viewer.attachToCanvas(canvas, false);
    addControls();
    return viewer;
  }

  function addControls() {
    const kinds = [["All", viewer.sliceTypeMultiplanar], ["Volume", viewer.sliceTypeRender], ["Axial", viewer.sliceTypeAxial], ["Coronal", viewer.sliceTypeCoronal], ["Sagittal", viewer.sliceTypeSagittal]];
    const buttons = kinds.map(([name, kind], at) => make("button", { type: "button", "aria-pressed": String(!at), on: { click: (event) => {
      viewer.setSliceType(kind);
      for (const button of buttons) button.setAttribute("aria-pressed", String(button === event.currentTarget));
    } } }, name));
    const opacity = make("input", { type: "range", min: "0", max: "1", step: "0.05", value: "0.6", id: "volume-opacity", on: { input: fade } });
    place.querySelector(".row").append(make("span", { class: "switch" }, ...buttons), make("label", {}, make("span", {}, "Label"), opacity));
  }

  function fade() {
    if (viewer.volumes.length > 1) viewer.setOpacity(1, Number(byId("volume-opacity").value));
  }

  async function showInViewer(volume, ours) {
    const shown = await viewerOf();
    const { NVImage } = window.niivue;
    const named = async (text, name, options) => NVImage.loadFromBase64({ base64: text, name, ...options });
    const image = await named(volume.image, "image.nii.gz", { colormap: "gray", cal_min: 0, cal_max: 255, colorbarVisible: false });
    const label = volume.label && (await named(volume.label, "label.nii.gz", { colorbarVisible: false }));
    if (ours !== asked) return;
    while (shown.volumes.length) shown.removeVolumeByIndex(0);
    shown.addVolume(image);
    if (label) {
      label.setColormapLabel(tableOf(volume.values));
      shown.addVolume(label);
      fade();
    }
    shown.updateGLVolume();
    const middle = readNifti(await unpacked(volume.label || volume.image));
    shown.scene.crosshairPos = shown.mm2frac(middle.placeOf(middleOf(middle)));
    shown.drawScene();
    byId("volume-canvas").setAttribute("aria-label", `${volume.case} in three dimensions`);
    byId("volume-canvas").focus();
  }

  function drawPlane(canvas, image, label, colours, across, index) {
    const cut = sliceOf(image, across, index);
    const over = label && sliceOf(label, across, index);
    [canvas.width, canvas.height] = [cut.wide, cut.high];
    canvas.style.aspectRatio = cut.aspect;
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(cut.wide, cut.high);
    cut.values.forEach((grey, at) => {
      const colour = over && over.values[at] ? colours[over.values[at] - 1] : null;
      for (let channel = 0; channel < 3; channel += 1) {
        pixels.data[4 * at + channel] = colour ? 0.5 * grey + 0.5 * colour[channel] : grey;
      }
      pixels.data[4 * at + 3] = 255;
    });
    context.putImageData(pixels, 0, 0);
  }

  function planeOf([name, across, ends], image, label, colours) {
    const { axis } = image.axes[across];
    const number = image.size[axis];
    const canvas = make("canvas", { role: "img" });
    const slider = make("input", { type: "range", min: "0", max: String(number - 1), value: String(middleOf(label ?? image)[axis]), "aria-label": `${name} slice` });
    const draw = () => {
      drawPlane(canvas, image, label, colours, across, Number(slider.value));
      canvas.setAttribute("aria-label", `${name} slice ${Number(slider.value) + 1} of ${number}`);
    };
    slider.addEventListener("input", draw);
    draw();
    return make("figure", { class: "plane" }, canvas, slider, make("figcaption", {}, `${name}: ${ends[0]}–${ends[1]}, ${ends[2]}–${ends[3]}`));
  }

  async function showPlanes(volume, ours) {
    const image = readNifti(await unpacked(volume.image));
    const label = volume.label ? readNifti(await unpacked(volume.label)) : null;
    if (ours !== asked) return;
    const colours = volume.values.map((value) => channelsOf(LABELS.get(value)?.colour ?? "#ffffff"));
    const note = make("p", { class: "note" }, "This browser has no WebGL2: the volume is shown as three planes.");
    place.replaceChildren(make("div", { class: "planes" }, ...PLANES.map((plane) => planeOf(plane, image, label, colours))), note);
  }

  function show(volume) {
    asked += 1;
    return (hasWebGL2() ? showInViewer : showPlanes)(volume, asked);
  }

  return { show, close: () => { asked += 1; } };
})();
