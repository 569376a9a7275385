/* Distributions: drawn with uPlot once they come into view, and again when the width or the colours change. */
(() => {
  const drawn = new Map();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** Return whether edges grow by a constant factor. */
  function isGeometric(edges) {
    if (edges.length < 4 || edges[0] <= 0) return false;
    const [first, last] = [edges[1] / edges[0], edges.at(-1) / edges.at(-2)];
    return first > 1.02 && Math.abs(first - last) < 0.01 * first;
  }

  function heightsOf(counts, log) {
    if (!log) return counts;
    const least = Math.min(...counts.filter((count) => count > 0)) / 2;
    return counts.map((count) => (count > 0 ? count : least));
  }

  function optionsOf(found, log, width, read) {
    const intensity = found.group === "intensity";
    const axis = { stroke: ink("--dim"), font: "11px system-ui, sans-serif", ticks: { stroke: ink("--line"), size: 4, width: 1 } };
    const values = (_, splits) => splits.map((value) => (value === null ? "" : figure(value)));
    return {
      width,
      height: intensity ? 190 : 130,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      padding: [8, 14, 0, 0],
      scales: {
        x: { time: false, distr: isGeometric(found.edges) ? 3 : 1, range: [found.edges[0], found.edges.at(-1)] },
        y: { distr: log ? 3 : 1, range: log ? undefined : (_, low, high) => [0, high * 1.05 || 1] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 26, space: 60, values },
        {
          ...axis, grid: { stroke: ink("--line"), width: 1 }, size: 46, space: 26,
          values: (_, splits) => splits.map((value) => (value === null ? "" : intensity ? `${figure(100 * value)} %` : figure(value))),
          incrs: intensity ? undefined : [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 100000],
        },
      ],
      series: [
        {},
        {
          stroke: found.colour || ink("--accent"),
          fill: `${found.colour || ink("--accent")}55`,
          width: 1,
          paths: uPlot.paths.stepped({ align: 1 }),
          points: { show: false },
        },
      ],
      hooks: { setCursor: [(plot) => read(plot.cursor.idx === null || plot.cursor.left < 0 ? null : plot.posToVal(plot.cursor.left, "x"))] },
    };
  }

  /** Say which bin is under the pointer, and what it holds. */
  function reader(found, output) {
    return (x) => {
      const bin = x === null ? -1 : found.edges.findLastIndex((edge) => edge <= x);
      if (bin < 0 || bin >= found.counts.length) {
        output.textContent = "";
        return;
      }
      const [low, high] = [figure(found.edges[bin]), figure(found.edges[bin + 1])];
      const held = found.group === "intensity" ? `${figure(100 * found.counts[bin])} %` : `${figure(found.counts[bin])} ${found.of}`;
      output.textContent = `${low} to ${high}: ${held}`;
    };
  }

  function draw(frame) {
    const found = FACTS.distributions[Number(frame.dataset.plot)];
    const place = frame.querySelector(".canvas");
    drawn.get(frame)?.destroy();
    const log = frame.hasAttribute("data-log") && found.counts.some((count) => count > 0);
    const counts = heightsOf(found.counts, log);
    const output = frame.querySelector("output") ?? frame.querySelector("figcaption").appendChild(make("output"));
    const options = optionsOf(found, log, place.clientWidth, reader(found, output));
    drawn.set(frame, new uPlot(options, [found.edges, [...counts, counts.at(-1)]], place));
  }

  function addScale(frame) {
    const button = make("button", { type: "button", class: "small", "aria-pressed": "true" }, "log scale");
    button.addEventListener("click", () => {
      const log = frame.toggleAttribute("data-log");
      button.setAttribute("aria-pressed", String(log));
      draw(frame);
    });
    frame.querySelector("figcaption").append(button);
  }

  const seen = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting || drawn.has(target)) continue;
        draw(target);
      }
    },
    { rootMargin: "200px" },
  );
  for (const frame of document.querySelectorAll(".plot")) {
    if (frame.hasAttribute("data-log")) addScale(frame);
    seen.observe(frame);
  }
  const redraw = () => [...drawn.keys()].forEach(draw);
  dark.addEventListener("change", redraw);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) redraw();
    width = innerWidth;
  });
})();
