"use strict";
// The explorer of tasks. Texts of rows only ever become text nodes, never HTML.
(async () => {
  const AT_ONCE = 50;
  const MOST_LABELS = 500;
  const at = (id) => document.getElementById(id);
  // Characters that control, or change the direction of writing, are shown as escapes; line breaks and tabs stay.
  const shown = (text) =>
    text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069]/g, (c) => "\\u{" + c.charCodeAt(0).toString(16) + "}");
  const make = (name, text, className) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = shown(text);
    if (className) element.className = className;
    return element;
  };
  const option = (text, value) => {
    const element = make("option", text);
    element.value = value;
    return element;
  };
  const group = (name, options) => {
    const element = document.createElement("optgroup");
    element.label = shown(name);
    element.append(...options);
    return element;
  };
  const table = (head, rows) => {
    const element = make("table");
    const line = (cells, name) => {
      const row = make("tr");
      row.append(...cells.map((cell) => make(name, cell)));
      return row;
    };
    const wide = make("div", undefined, "wide");
    wide.tabIndex = 0;
    element.append(line(head, "th"), ...rows.map((row) => line(row, "td")));
    wide.append(element);
    return wide;
  };

  let data;
  try {
    const bytes = Uint8Array.from(atob(at("tasks").textContent), (c) => c.charCodeAt(0));
    data = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
  } catch (error) {
    at("found").textContent = "This browser cannot unpack the tasks: " + error.message;
    return;
  }
  const { pools, models, n_models, rows, tasks } = data;
  const rules = data.rules.map((own) => new Map(Object.entries(own)));
  // With several pools, ids repeat; in one pool they should not.
  const byPlace = new Map();
  for (const task of tasks) {
    const id = pools > 1 ? "pool-" + task.pool + "-" + task.id : task.id;
    task.place = id;
    for (let number = 2; byPlace.has(task.place); number++) task.place = id + "~" + number;
    byPlace.set(task.place, task);
  }
  const drawn = new Map();
  for (const task of tasks) drawn.set(task.pool + " " + task.row, (drawn.get(task.pool + " " + task.row) ?? 0) + 1);
  const about = (task) =>
    [task.benchmark, task.bin, task.score.toFixed(3)].concat(task.phase === undefined ? [] : ["phase " + task.phase]).join(" · ");
  const searched = rows.map((row) => row.row.map(([, text]) => text).join("\n").toLowerCase());

  const number = (text) => (text === "true" ? 1 : text === "false" ? 0 : Number(text));
  const byBenchmark = new Map();
  const labels = new Map();
  for (const task of tasks) {
    const { features } = rows[task.row];
    if (!byBenchmark.has(task.benchmark)) byBenchmark.set(task.benchmark, new Map());
    const values = byBenchmark.get(task.benchmark);
    for (const [name, text, kind] of features) {
      if (kind === "label") {
        if (!labels.has(name)) labels.set(name, new Set());
        labels.get(name).add(text);
      } else if (kind === "number") {
        if (!values.has(name)) values.set(name, []);
        values.get(name).push(number(text));
      }
    }
  }
  for (const values of byBenchmark.values()) for (const list of values.values()) list.sort((a, b) => a - b);

  const benchmark = at("benchmark");
  benchmark.append(...[...byBenchmark.keys()].sort().map((name) => option(name, name)));
  const chosenLabels = [];
  for (const [name, texts] of labels) {
    if (texts.size < 2 || texts.size > MOST_LABELS) continue;
    const options = [...texts].sort().map((text) => option(text, String(chosenLabels.push([name, text]) - 1)));
    at("label").append(group(name, options));
  }
  const phases = [...new Set(tasks.map((task) => task.phase))].filter((phase) => phase !== undefined).sort((a, b) => a - b);
  at("phase").append(...phases.map((phase) => option(String(phase), String(phase))));
  if (models.length) {
    const each = (what, kind) => group(what, models.map((model, place) => option(model, kind + place)));
    at("solved").append(option("solved by all models", "all"), option("solved by some, not all", "some"), option("solved by no model", "none"));
    at("solved").append(each("Solved by", "yes "), each("Failed by", "no "));
  }
  at("label").parentElement.hidden = chosenLabels.length === 0;
  at("phase").parentElement.hidden = phases.length === 0;
  at("solved").parentElement.hidden = models.length === 0;

  // A score of at least a half counts as solved.
  const isSolved = (score) => score >= 0.5;
  const answersFit = (row, wanted) => {
    const [solved, answered] = row.solved;
    if (wanted === "all") return answered > 0 && solved === answered;
    if (wanted === "none") return answered > 0 && solved === 0;
    if (wanted === "some") return solved > 0 && solved < answered;
    const [kind, place] = wanted.split(" ");
    const score = (row.answers ?? [])[place] ?? null;
    return score !== null && isSolved(score) === (kind === "yes");
  };

  let found = [];
  let listed = 0;
  const list = () => {
    for (const task of found.slice(listed, listed + AT_ONCE)) {
      const item = make("li");
      const link = make("a", task.place);
      link.href = "#" + encodeURIComponent(task.place);
      const first = rows[task.row].row.find(([, text]) => text.trim().length > 20) ?? rows[task.row].row[0];
      item.append(link, " ", make("span", about(task), "about"), make("p", first ? first[1].slice(0, 160) : ""));
      at("list").append(item);
    }
    listed = Math.min(found.length, listed + AT_ONCE);
    at("more").hidden = listed === found.length;
  };
  const search = () => {
    const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const bin = at("bin").value;
    const label = chosenLabels[at("label").value];
    const phase = at("phase").value;
    const solved = at("solved").value;
    const bound = (id, otherwise) => (at(id).value === "" ? otherwise : Number(at(id).value));
    const [lowest, highest] = [bound("lowest", -Infinity), bound("highest", Infinity)];
    found = tasks.filter((task) => {
      const row = rows[task.row];
      return (
        (!benchmark.value || task.benchmark === benchmark.value) &&
        (!bin || task.bin === bin) &&
        (!phase || String(task.phase) === phase) &&
        // As it is shown.
        Number(task.score.toFixed(3)) >= lowest &&
        Number(task.score.toFixed(3)) <= highest &&
        (!label || row.features.some(([name, text]) => name === label[0] && text === label[1])) &&
        (!solved || answersFit(row, solved)) &&
        words.every((word) => searched[task.row].includes(word) || task.place.toLowerCase().includes(word) || (task.source ?? "").toLowerCase().includes(word))
      );
    });
    at("found").textContent = found.length + " of " + tasks.length + " tasks";
    at("list").replaceChildren();
    listed = 0;
    list();
  };

  // Where a value lies among those of the tasks here: the share that is smaller, equal values counting half.
  const rank = (sorted, value) => {
    const below = sorted.filter((other) => other < value).length;
    const equal = sorted.filter((other) => other === value).length;
    return Math.round((100 * (below + equal / 2)) / sorted.length) + " %";
  };
  const short = (value) => String(Number(value.toPrecision(6)));
  const why = (task) => {
    const { features } = rows[task.row];
    const rule = rules[task.pool - 1].get(task.benchmark);
    const parts = [];
    if (features.length) {
      const values = byBenchmark.get(task.benchmark);
      const cells = features.map(([name, text, kind]) => (kind === "number" ? [name, number(text) === Number(text) ? short(number(text)) : text, rank(values.get(name), number(text))] : [name, text, ""]));
      parts.push(make("h4", "Features"), table(["feature", "value", "above this share of the tasks of " + task.benchmark], cells));
    }
    if (rule) {
      let sum = 0;
      const cells = rule.terms.map(({ weight, feature, by }) => {
        if (feature === undefined) {
          sum += weight;
          return ["every task", "", "", short(weight)];
        }
        const value = number((features.find(([name]) => name === feature) ?? ["", ""])[1]);
        const part = by === undefined ? value : by === 0 ? 0 : Math.min(value / by, 1);
        sum += weight * part;
        return [feature, short(value) + (by === undefined ? "" : " of " + short(by)), short(weight), short(weight * part)];
      });
      const raw = Math.min(sum, 1);
      const scaled = rule.greatest > rule.least ? (raw - rule.least) / (rule.greatest - rule.least) : 0.5;
      parts.push(
        make("h4", "Why it scored " + task.score.toFixed(3)),
        table(["term", "value, of the 95th percentile", "weight", "adds"], cells),
        make("p", "The sum is " + short(raw) + (sum > 1 ? " (at most 1)" : "") + ". Sums in " + task.benchmark + " go from " + short(rule.least) + ", which scores 0, to " + short(rule.greatest) + ", which scores 1: " + scaled.toFixed(3) + ".", "aside"),
      );
    }
    return parts;
  };

  const open = () => {
    let place = location.hash.slice(1);
    try {
      place = decodeURIComponent(place);
    } catch {
      // A fragment that is no encoded text is taken as it is.
    }
    const task = byPlace.get(place);
    at("task").hidden = !task;
    if (!task) return;
    const parts = [make("h3", task.place), make("p", about(task), "aside")];
    const times = drawn.get(task.pool + " " + task.row);
    const ids = [task.source, task.identity && "identity " + task.identity, times > 1 && "drawn " + times + " times"].filter(Boolean).join(" · ");
    if (ids) parts.push(make("p", ids, "aside"));
    const { row, asked, answers } = rows[task.row];
    if (asked) parts.push(make("h4", "What a model is asked"), make("pre", asked[0]), make("h4", "Right answer"), make("pre", asked[1]));
    if (answers) {
      const cells = answers.map((score, place) => [models[place], score === null ? "no answer" : isSolved(score) ? "solved" : "failed", score === null ? "" : short(score)]);
      parts.push(make("h4", "How models did"), table(["model", "answer", "score"], cells));
      if (n_models > models.length) parts.push(make("p", "These are the first " + models.length + " of " + n_models + " models.", "aside"));
    }
    parts.push(...why(task));
    const fields = make("details");
    fields.append(make("summary", "The row"));
    for (const [name, text] of row) fields.append(make("h4", name), make("pre", text));
    fields.open = !asked;
    parts.push(fields);
    at("task").replaceChildren(...parts);
    at("task").scrollTop = 0;
    at("task").focus({ preventScroll: true });
    at("task").scrollIntoView({ block: "nearest" });
  };

  at("filters").hidden = false;
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  // The fields are empty only after this event.
  at("filters").addEventListener("reset", () => setTimeout(search));
  at("filters").addEventListener("input", search);
  at("more").addEventListener("click", list);
  addEventListener("hashchange", open);
  search();
  open();
})();
