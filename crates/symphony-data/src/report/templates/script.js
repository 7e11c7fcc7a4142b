"use strict";
// The explorer of tasks. Texts of rows only ever become text nodes, never HTML.
(async () => {
  const AT_ONCE = 50;
  const at = (id) => document.getElementById(id);
  // Characters that control, or change the direction of writing, are shown as escapes; line breaks and tabs stay.
  const shown = (text) =>
    text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (c) => "\\u{" + c.charCodeAt(0).toString(16) + "}");
  const make = (name, text, className) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = shown(text);
    if (className) element.className = className;
    return element;
  };

  let data;
  try {
    const bytes = Uint8Array.from(atob(at("tasks").textContent), (c) => c.charCodeAt(0));
    data = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
  } catch (error) {
    at("found").textContent = "This browser cannot unpack the tasks: " + error.message;
    return;
  }
  const { pools, rows, tasks } = data;
  // With several pools, ids repeat.
  for (const task of tasks) task.place = pools > 1 ? "pool-" + task.pool + "-" + task.id : task.id;
  const byPlace = new Map(tasks.map((task) => [task.place, task]));
  const about = (task) =>
    [task.benchmark, task.bin, task.score.toFixed(3)].concat(task.phase === undefined ? [] : ["phase " + task.phase]).join(" · ");
  const searched = rows.map((row) => row.row.map(([, text]) => text).join("\n").toLowerCase());

  const benchmark = at("benchmark");
  for (const name of [...new Set(tasks.map((task) => task.benchmark))].sort()) {
    const option = make("option", name);
    option.value = name;
    benchmark.append(option);
  }

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
    found = tasks.filter(
      (task) =>
        (!benchmark.value || task.benchmark === benchmark.value) &&
        (!at("bin").value || task.bin === at("bin").value) &&
        words.every((word) => searched[task.row].includes(word) || task.place.toLowerCase().includes(word) || (task.source ?? "").toLowerCase().includes(word)),
    );
    at("found").textContent = found.length + " of " + tasks.length + " tasks";
    at("list").replaceChildren();
    listed = 0;
    list();
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
    const ids = [task.source, task.identity && "identity " + task.identity].filter(Boolean).join(" · ");
    if (ids) parts.push(make("p", ids, "aside"));
    const { row, features } = rows[task.row];
    for (const [name, text] of row) parts.push(make("h4", name), make("pre", text));
    if (features.length) parts.push(make("h4", "features"), make("pre", features.map(([name, text]) => name + ": " + text).join("\n")));
    at("task").replaceChildren(...parts);
    at("task").scrollTop = 0;
    at("task").focus({ preventScroll: true });
    at("task").scrollIntoView({ block: "nearest" });
  };

  at("filters").hidden = false;
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["search", "benchmark", "bin"]) at(id).addEventListener("input", search);
  at("more").addEventListener("click", list);
  addEventListener("hashchange", open);
  search();
  open();
})();
