/* The slices of a case: a mosaic of grey values, windowed here, under layers of labels. */
const SLICES = (() => {
  const [canvas, at, level, width, opacity] = ["slice", "at", "level", "width", "opacity"].map(byId);
  const buffer = document.createElement("canvas");
  const WORDS = FACTS.scores ? { label: "reference, filled", prediction: "prediction, outlined", differs: "differs, red" } : {};
  let open = null;

  async function imageOf(webp) {
    const image = new Image();
    image.src = `data:image/webp;base64,${webp}`;
    await image.decode();
    return image;
  }

  /** Show a stack; do nothing if another one is asked for before its images are decoded. */
  async function show(stack) {
    const asked = { stack };
    open = asked;
    const [image, ...layers] = await Promise.all([stack.webp, ...stack.layers.map((layer) => layer.webp)].map(imageOf));
    if (open !== asked) return;
    Object.assign(asked, { image, layers, on: new Set(stack.layers.map((layer) => layer.name)) });
    at.max = stack.slices.length - 1;
    byId("at-row").hidden = stack.slices.length < 2;
    for (const row of document.querySelectorAll(".windowed")) row.hidden = !stack.range;
    ["left", "right", "top", "bottom"].forEach((side, place) => {
      document.querySelector(`.end.${side}`).textContent = stack.ends[place] ?? "";
    });
    addWindows();
    addLayers();
    reset();
  }

  /** Offer the windows of CT by name. */
  function addWindows() {
    const windows = Object.entries(FACTS.windows[open.stack.channel] ?? {});
    const buttons = windows.map(([name, [low, high]]) => make("button", { type: "button", on: { click: () => {
      setWindow((low + high) / 2, high - low);
      draw();
    } } }, name));
    byId("windows").replaceChildren(...buttons);
  }

  function addLayers() {
    const boxes = open.stack.layers.map(({ name }) => {
      const box = make("input", { type: "checkbox", on: { change: () => toggle(name) } });
      box.checked = open.on.has(name);
      return make("label", {}, box, WORDS[name] ?? name);
    });
    byId("layers").replaceChildren(...boxes);
  }

  function toggle(name) {
    if (!open.on.delete(name)) open.on.add(name);
    draw();
  }

  function toggleAll() {
    if (!open?.on) return;
    open.on = new Set(open.on.size ? [] : open.stack.layers.map((layer) => layer.name));
    addLayers();
    draw();
  }

  function reset() {
    if (!open?.image) return;
    const { stack } = open;
    at.value = stack.first;
    opacity.value = 1;
    if (stack.range) {
      const [low, high] = stack.range;
      const step = (high - low) / 255 || 1;
      [level.min, level.max, width.min, width.max] = [low, high, step, high - low || 1];
      setWindow((stack.window[0] + stack.window[1]) / 2, stack.window[1] - stack.window[0]);
    }
    draw();
  }

  function setWindow(centre, extent) {
    level.value = centre;
    width.value = extent;
  }

  /** Move the window by parts of the range of values. */
  function shiftWindow(byLevel, byWidth) {
    if (!open?.image || !open.stack.range) return;
    const whole = open.stack.range[1] - open.stack.range[0];
    setWindow(Number(level.value) + byLevel * whole, Number(width.value) + byWidth * whole);
    draw();
  }

  function step(by) {
    if (!open?.image) return;
    at.value = Number(at.value) + by;
    draw();
  }

  /** Return the place of the slice in a mosaic, as the arguments of drawImage. */
  function place() {
    const { columns, width: wide, height: high } = open.stack;
    const index = Number(at.value);
    return [(index % columns) * wide, Math.floor(index / columns) * high, wide, high];
  }

  function windowed(context, wide, high) {
    const { range } = open.stack;
    if (!range) return;
    const pixels = context.getImageData(0, 0, wide, high);
    const step = (range[1] - range[0]) / 255;
    const low = Number(level.value) - Number(width.value) / 2;
    const shades = Uint8ClampedArray.from({ length: 256 }, (_, grey) => (255 * (range[0] + grey * step - low)) / Number(width.value));
    const { data } = pixels;
    for (let byte = 0; byte < data.length; byte += 4) data[byte] = data[byte + 1] = data[byte + 2] = shades[data[byte]];
    context.putImageData(pixels, 0, 0);
  }

  function draw() {
    if (!open?.image) return;
    const { stack } = open;
    const from = place();
    const [, , wide, high] = from;
    [buffer.width, buffer.height] = [wide, high];
    const raw = buffer.getContext("2d", { willReadFrequently: true });
    raw.drawImage(open.image, ...from, 0, 0, wide, high);
    windowed(raw, wide, high);
    const room = canvas.parentElement;
    const fitting = Math.min(room.clientWidth / wide, room.clientHeight / high);
    const scale = fitting * devicePixelRatio;
    [canvas.width, canvas.height] = [Math.round(wide * scale), Math.round(high * scale)];
    [canvas.style.width, canvas.style.height] = [`${wide * fitting}px`, `${high * fitting}px`];
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(buffer, 0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    context.globalAlpha = Number(opacity.value);
    stack.layers.forEach(({ name }, index) => {
      if (open.on.has(name)) context.drawImage(open.layers[index], ...from, 0, 0, canvas.width, canvas.height);
    });
    say(stack);
  }

  function say(stack) {
    const number = stack.slices[Number(at.value)];
    byId("at-out").textContent = `${stack.axis} = ${number}, ${number + 1} of ${stack.of}`;
    byId("level-out").textContent = figure(Math.round(Number(level.value) * 100) / 100);
    byId("width-out").textContent = figure(Math.round(Number(width.value) * 100) / 100);
    canvas.setAttribute("aria-label", stack.of > 1 ? `${stack.text}; slice ${number + 1} of ${stack.of}` : stack.text);
  }

  function dragWindow() {
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch") return; // a finger scrolls
      from = [event.clientX, event.clientY];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      shiftWindow((from[1] - event.clientY) / 600, (event.clientX - from[0]) / 600);
      from = [event.clientX, event.clientY];
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { from = null; });
  }

  for (const slider of [at, level, width, opacity]) slider.addEventListener("input", draw);
  byId("reset").addEventListener("click", reset);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    step(Math.sign(event.deltaY));
  }, { passive: false });
  dragWindow();
  addEventListener("resize", draw);
  return { show, step, shiftWindow, toggleAll, reset, close: () => { open = null; } };
})();
