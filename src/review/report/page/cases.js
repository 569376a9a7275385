/* The cases: filtered, sorted, as pictures or as a table. */
const CASES = (() => {
  const table = byId("case-table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const first = matchMedia("(max-width: 860px)").matches ? 12 : 48;
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const collator = new Intl.Collator("en", { numeric: true });
  const worstFirst = FACTS.scores && FACTS.scores.metrics.length > 0;
  const up = !worstFirst || FACTS.scores.metrics[0].higher_is_better;
  const state = { key: worstFirst ? "mean" : "case", up, all: false };
  let shown = rows.map((_, index) => index);

  const cellOf = (row, key) => [...row.cells].find((cell) => cell.dataset.k === key);
  const isNumeric = (key) => table.tHead.querySelector(`th[data-key="${CSS.escape(key)}"]`)?.hasAttribute("data-numeric");

  /** Return what each row is sorted by; null comes last. */
  function valuesOf(key) {
    if (key === "case") return FACTS.cases.map((found) => found.case);
    const texts = rows.map((row) => cellOf(row, key).dataset.v);
    return texts.map((text) => (text === "" ? null : isNumeric(key) ? Number(text) : text));
  }

  function compared(one, other) {
    if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1;
    const found = typeof one === "number" ? one - other : collator.compare(one, other);
    return state.up ? found : -found;
  }

  const tests = new Map([["all", () => true]]);

  /** Fill the list of what can be shown. */
  function addChoices() {
    const select = byId("which");
    const group = (title, entries) => {
      const held = entries.filter(([, , test]) => FACTS.cases.some(test));
      if (!held.length) return;
      const options = held.map(([key, text, test]) => {
        tests.set(key, test);
        return make("option", { value: key }, text);
      });
      select.append(title ? make("optgroup", { label: title }, ...options) : options[0]);
    };
    group("", [["all", "all", () => true]]);
    group("Findings", [
      ["errors", "with errors", (found) => found.errors > 0],
      ["found", "with errors or warnings", (found) => found.errors + found.warnings > 0],
    ]);
    const sliced = new Set([...document.querySelectorAll('script[id^="stack-"]')].map((stack) => stack.dataset.case));
    if (sliced.size < rows.length) group("Viewer", [["sliced", "with slices", (found) => sliced.has(found.case)]]);
    group("Split", [
      ["train", "training", (found) => found.split === "train"],
      ["test", "test", (found) => found.split === "test"],
      ["originals", "originals", (found) => found.parent === null],
      ["copies", "augmented copies", (found) => found.parent !== null],
      ["unlabelled", "without a label", (found) => found.voxels === null],
    ]);
    if (FACTS.scores) {
      group("Predictions", [
        ["scored", "predicted", (found) => found.scores.length > 0],
        ["unscored", "not predicted", (found) => !found.scores.length],
      ]);
    }
    const folds = [...new Set(FACTS.cases.flatMap((found) => found.folds))].sort((one, other) => one - other);
    group("Validated by", folds.map((fold) => [`fold-${fold}`, `fold ${fold}`, (found) => found.folds.includes(fold)]));
    const has = (target) => (found) => (voxelsOf(found, target.values) ?? 0) > 0;
    group("Holds", FACTS.targets.map((target, at) => [`holds-${at}`, target.name, has(target)]));
    const lacks = (target) => (found) => voxelsOf(found, target.values) === 0;
    group("Lacks", FACTS.targets.map((target, at) => [`lacks-${at}`, target.name, lacks(target)]));
  }

  function apply() {
    const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const test = tests.get(byId("which").value);
    const values = valuesOf(state.key);
    const fits = (index) => test(FACTS.cases[index]) && words.every((word) => texts[index].includes(word));
    shown = rows.map((_, index) => index).filter(fits);
    shown.sort((one, other) => compared(values[one], values[other]) || one - other);
    const fitting = new Set(shown);
    rows.forEach((row, index) => { row.hidden = !fitting.has(index); });
    const ordered = new DocumentFragment();
    shown.forEach((index, place) => {
      rows[index].classList.toggle("later", !state.all && place >= first);
      ordered.append(rows[index]);
    });
    body.prepend(ordered);
    const all = countOf(rows.length, "case");
    byId("count").textContent = shown.length === rows.length ? all : `${shown.length.toLocaleString("en")} of ${all}`;
    byId("all").parentElement.hidden = state.all || shown.length <= first;
    byId("all").textContent = `Show all ${shown.length.toLocaleString("en")}`;
    mark();
  }

  /** Show by what the cases are sorted: in the heading, and under each picture. */
  function mark() {
    for (const head of table.tHead.rows[0].cells) {
      const sorted = head.dataset.key === state.key;
      if (sorted) head.setAttribute("aria-sort", state.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    for (const cell of body.querySelectorAll("td.sorted")) cell.classList.remove("sorted");
    if (state.key !== "case") for (const row of rows) cellOf(row, state.key).classList.add("sorted");
    byId("by").value = state.key;
    byId("direction").textContent = state.up ? "↑" : "↓";
    byId("direction").setAttribute("aria-label", state.up ? "Ascending" : "Descending");
  }

  function sortBy(key, up) {
    Object.assign(state, { key, up });
    apply();
  }

  function show(asTable) {
    table.classList.toggle("pictures", !asTable);
    byId("as-table").setAttribute("aria-pressed", String(asTable));
    byId("as-pictures").setAttribute("aria-pressed", String(!asTable));
    fit();
  }

  /** Let the headings stay in view where the table needs no scrolling sideways. */
  function fit() {
    const frame = table.parentElement;
    frame.classList.remove("fits");
    frame.classList.toggle("fits", table.scrollWidth <= frame.clientWidth);
  }

  /** Fill the column of volumes with those of another class. */
  function choose(target) {
    rows.forEach((row, index) => {
      const cell = cellOf(row, "volume");
      const volume = volumeOf(FACTS.cases[index], target.values);
      cell.dataset.v = volume ?? "";
      cell.textContent = shownVolume(volume);
      texts[index] = row.textContent.toLowerCase();
    });
    const button = table.tHead.querySelector('th[data-key="volume"] button');
    button.firstChild.textContent = `${target.name} `;
    byId("by").querySelector('option[value="volume"]').textContent = target.name;
    apply();
  }

  addChoices();
  addEventListener("resize", fit);
  byId("filter").addEventListener("input", apply);
  byId("which").addEventListener("change", apply);
  byId("by").addEventListener("change", (event) => sortBy(event.target.value, state.up));
  byId("direction").addEventListener("click", () => sortBy(state.key, !state.up));
  byId("as-table").addEventListener("click", () => show(true));
  byId("as-pictures").addEventListener("click", () => show(false));
  byId("volume")?.addEventListener("change", (event) => choose(FACTS.targets[Number(event.target.value)]));
  byId("all").addEventListener("click", () => {
    state.all = true;
    apply();
  });
  document.querySelector(".tools").addEventListener("submit", (event) => event.preventDefault());
  for (const head of table.tHead.querySelectorAll("th[data-key]")) {
    head.firstChild.addEventListener("click", () => sortBy(head.dataset.key, head.dataset.key === state.key ? !state.up : true));
  }
  apply();
  return { shown: () => shown };
})();
