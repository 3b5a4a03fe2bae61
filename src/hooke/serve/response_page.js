"use strict";
const byId = (id) => document.getElementById(id);
const plane = byId("points");
let summary = null, points = null, curves = null, kind = 0, model = "", chosen = null, current = null, why = null;

async function ask(path) {
  const reply = await fetch(path), value = await reply.json();
  if (!reply.ok) throw new Error(value.error);
  return value;
}
function say(text, bad) { byId("message").textContent = text; byId("message").className = bad ? "bad" : ""; }
function resolved(name) { const probe = document.createElement("i"); probe.style.color = `var(${name})`; document.body.append(probe);
  const found = getComputedStyle(probe).color; probe.remove(); return found; }
function make(tag, text, name) { const made = document.createElement(tag); made.textContent = text; if (name) made.className = name; return made; }
function digits(value) { return value === null || value === undefined ? "–" : Number(value).toPrecision(3); }
function brushOf(canvas) {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight, brush = canvas.getContext("2d");
  canvas.width = width * ratio; canvas.height = height * ratio; brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { brush, width, height };
}
// Axes with round ticks; returns the pixel of a pair of values.
function axes(canvas, xs, ys, names) {
  const { brush, width, height } = brushOf(canvas), left = 46, bottom = height - 34, top = 12, right = width - 12;
  const range = (values) => { let low = Math.min(...values), high = Math.max(...values); if (!(high > low)) { low -= 1; high += 1; } const pad = (high - low) * .05; return [low - pad, high + pad]; };
  const [x0, x1] = range(xs), [y0, y1] = range(ys), at = (x, y) => [left + (x - x0) / (x1 - x0) * (right - left), bottom - (y - y0) / (y1 - y0) * (bottom - top)];
  brush.font = "11px sans-serif"; brush.lineWidth = 1;
  const ticks = (low, high) => { const raw = (high - low) / 5, size = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((n) => n * size).find((n) => n >= raw), found = [];
    for (let v = Math.ceil(low / step) * step; v <= high; v += step) found.push(Number(v.toPrecision(6))); return found; };
  for (const v of ticks(x0, x1)) { const [x] = at(v, y0); brush.strokeStyle = resolved("--line"); brush.beginPath(); brush.moveTo(x, top); brush.lineTo(x, bottom); brush.stroke(); brush.fillStyle = resolved("--soft"); brush.textAlign = "center"; brush.fillText(v, x, bottom + 14); }
  for (const v of ticks(y0, y1)) { const [, y] = at(x0, v); brush.strokeStyle = resolved("--line"); brush.beginPath(); brush.moveTo(left, y); brush.lineTo(right, y); brush.stroke(); brush.fillStyle = resolved("--soft"); brush.textAlign = "right"; brush.fillText(v, left - 5, y + 4); }
  brush.textAlign = "center"; brush.fillText(names[0], (left + right) / 2, height - 5);
  brush.save(); brush.translate(11, (top + bottom) / 2); brush.rotate(-Math.PI / 2); brush.fillText(names[1], 0, 0); brush.restore();
  return { brush, at, x0, x1, y0, y1 };
}
function line(brush, found, colour, dashed) { brush.strokeStyle = colour; brush.lineWidth = 1.8; brush.setLineDash(dashed ? [4, 4] : []); brush.beginPath(); found.forEach(([x, y], i) => i ? brush.lineTo(x, y) : brush.moveTo(x, y)); brush.stroke(); brush.setLineDash([]); }

let spots = [];
function drawPoints() {
  if (!points) return;
  const r = points.kinds[kind] ? points.kinds[kind].r[model] : [], known = points.ceiling.map((c, i) => c !== null && r[i] !== null && r[i] !== undefined);
  const ceilings = points.ceiling.filter((c) => c !== null), scored = (r || []).filter((v) => v !== null);
  const low = Math.min(0, ...scored), floor = low - .12, f = axes(plane, ceilings.length ? ceilings : [0, 1], [...scored, floor, 1], ["r of disjoint halves (ceiling)", "r of the held-out prediction"]);
  line(f.brush, [f.at(Math.max(f.x0, f.y0), Math.max(f.x0, f.y0)), f.at(Math.min(f.x1, 1), Math.min(f.x1, 1))], resolved("--soft"), true);
  const accent = resolved("--accent"), soft = resolved("--soft"), warm = resolved("--warm"), size = points.names.length > 3000 ? 1.6 : 3; spots = [];
  points.names.forEach((name, i) => {
    if (points.ceiling[i] === null) return;
    const [x, y] = f.at(points.ceiling[i], known[i] ? r[i] : floor); spots.push([x, y, i]);
    f.brush.globalAlpha = known[i] ? (points.evaluable[i] ? .7 : .25) : .25; f.brush.fillStyle = known[i] && points.evaluable[i] ? accent : soft;
    f.brush.beginPath(); f.brush.arc(x, y, size, 0, 7); f.brush.fill();
  });
  f.brush.globalAlpha = 1;
  const mark = spots.find((s) => s[2] === chosen);
  if (mark) { f.brush.fillStyle = warm; f.brush.beginPath(); f.brush.arc(mark[0], mark[1], 6, 0, 7); f.brush.fill(); f.brush.fillStyle = resolved("--ink"); f.brush.textAlign = mark[0] > plane.clientWidth * .7 ? "right" : "left"; f.brush.font = "600 13px sans-serif"; f.brush.fillText(points.names[chosen], mark[0] + (f.brush.textAlign === "left" ? 10 : -10), mark[1] + 4); }
  plane.dataset.drawn = spots.length;
}
function under(x, y) { let best = null, least = 100; for (const [a, b, i] of spots) { const d = (a - x) ** 2 + (b - y) ** 2; if (d < least) { least = d; best = i; } } return best; }
plane.addEventListener("pointermove", (e) => { const i = under(e.offsetX, e.offsetY), tip = byId("tip"); tip.hidden = i === null; if (i !== null) { tip.textContent = points.names[i]; tip.style.left = Math.min(e.offsetX + 12, plane.clientWidth - 120) + "px"; tip.style.top = e.offsetY + 8 + "px"; } });
plane.addEventListener("click", (e) => { const i = under(e.offsetX, e.offsetY); if (i !== null) choose(points.names[i]); });

function showKind() {
  const found = summary.kinds[kind];
  byId("model").replaceChildren(...found.models.map((m) => { const option = make("option", m.name); option.selected = m.name === model; return option; }));
  byId("verdict").textContent = found.verdict;
  const head = document.createElement("tr"); ["model", "r", "95 %", "relative error", "fallbacks"].forEach((t, i) => head.append(make("th", t, i ? "number" : "")));
  byId("models").tHead.replaceChildren(head);
  byId("models").tBodies[0].replaceChildren(...found.models.map((m) => {
    const row = document.createElement("tr"); row.className = m.name === found.chosen ? "chosen" : ""; row.setAttribute("aria-current", m.name === model);
    row.append(make("th", m.name + (m.name === found.baseline ? " (best baseline)" : ""))); [digits(m.value), `${digits(m.low)} to ${digits(m.high)}`, digits(m.error), m.fallbacks].forEach((t) => row.append(make("td", t, "number")));
    row.onclick = () => { model = m.name; showKind(); }; return row;
  }));
  byId("skipped").textContent = Object.entries(found.skipped).map(([name, reason]) => `${name} was not fitted: ${reason}`).join(" · ");
  drawPoints(); drawHits();
}
function drawHits() {
  const c = curves && curves[kind]; if (!c) return;
  const f = axes(byId("hits"), [0, 1], [0, 1], ["share taken, largest predicted changes first", "share of the hits found"]);
  line(f.brush, [f.at(0, 0), f.at(1, 1)], resolved("--soft"), true);
  line(f.brush, c.taken.map((x, i) => f.at(x, c.oracle[i])), resolved("--line")); line(f.brush, c.taken.map((x, i) => f.at(x, c.found[i])), resolved("--accent"));
  byId("hits-note").textContent = `hits: the ${c.hits} of ${c.of} held-out conditions with the largest measured changes · ${c.model} · dashed: chance, pale: the best order`;
}
function drawChanges() {
  if (!current) return;
  const pairs = current.predicted ? current.measured.map((m, i) => [current.predicted[i], m]).filter(([p, m]) => p !== null && m !== null) : [];
  if (!pairs.length) { const { brush, width, height } = brushOf(byId("changes")); brush.fillStyle = resolved("--soft"); brush.font = "13px sans-serif"; brush.textAlign = "center"; brush.fillText("not held out: there is no prediction without its measurement", width / 2, height / 2); byId("changes-note").textContent = ""; return; }
  const f = axes(byId("changes"), pairs.map((p) => p[0]), pairs.map((p) => p[1]), ["predicted change", "measured change"]), low = Math.max(f.x0, f.y0), high = Math.min(f.x1, f.y1);
  line(f.brush, [f.at(low, low), f.at(high, high)], resolved("--soft"), true); f.brush.fillStyle = resolved("--accent"); f.brush.globalAlpha = .55;
  for (const [p, m] of pairs) { const [x, y] = f.at(p, m); f.brush.beginPath(); f.brush.arc(x, y, 2.2, 0, 7); f.brush.fill(); }
  f.brush.globalAlpha = 1;
  byId("changes-note").textContent = `${current.model}, held out · ${current.drawn < current.of ? `the ${current.drawn.toLocaleString()} of ${current.of.toLocaleString()} read-outs with the largest measured changes` : `${current.of.toLocaleString()} read-outs`}`;
}
function drawStar() {
  const { brush, width, height } = brushOf(byId("star")); if (!why || !why.neighbours.length) return;
  const middle = [width / 2, height / 2], radius = Math.min(width / 2 - 70, height / 2 - 30), most = Math.max(...why.neighbours.map((n) => Math.abs(n.share)));
  why.neighbours.forEach((n, i) => {
    const angle = 2 * Math.PI * i / why.neighbours.length - Math.PI / 2, x = middle[0] + radius * Math.cos(angle), y = middle[1] + radius * Math.sin(angle), strength = Math.abs(n.share) / most;
    brush.globalAlpha = .55; brush.strokeStyle = resolved("--ink"); brush.lineWidth = 1 + 6 * strength; brush.setLineDash(n.path.length === 2 ? [] : [4, 4]);
    brush.beginPath(); brush.moveTo(...middle); brush.lineTo(x, y); brush.stroke(); brush.setLineDash([]); brush.globalAlpha = 1;
    brush.fillStyle = resolved(n.share > 0 ? "--accent" : "--warm"); brush.beginPath(); brush.arc(x, y, 4 + 5 * strength, 0, 7); brush.fill();
    brush.fillStyle = resolved("--ink"); brush.font = "12px sans-serif"; brush.textAlign = Math.abs(Math.cos(angle)) < .3 ? "center" : Math.cos(angle) > 0 ? "left" : "right";
    brush.fillText(n.perturbation, x + 12 * Math.cos(angle), y + 16 * Math.sin(angle) + 4, 110);
  });
  brush.fillStyle = resolved("--ink"); brush.beginPath(); brush.arc(...middle, 7, 0, 7); brush.fill();
}
function listed(entry) { const item = document.createElement("li"); item.append(make("span", entry.name, "who"), make("span", digits(entry.cosine), "number")); item.onclick = () => choose(entry.name); return item; }
async function choose(name) {
  try { current = await ask("/api/condition?name=" + encodeURIComponent(name)); } catch (error) { say(error.message, true); return; }
  say(""); chosen = current.place; why = null;
  byId("chosen").hidden = false; byId("use-similar").disabled = false; byId("name").textContent = current.name; byId("query").value = current.name; byId("suggestions").hidden = true;
  const scores = current.scores.map((s) => `${s.kind}: r ${digits(s.r[summary.kinds.find((k) => k.kind === s.kind).chosen])}`).join(" · ");
  byId("about").textContent = [`${current.cells.toLocaleString()} cells`, `r of halves ${digits(current.ceiling)}`, current.evaluable ? "evaluable" : "not evaluable", scores].filter(Boolean).join(" · ");
  byId("similar").replaceChildren(...current.similar.map(listed)); byId("opposite").replaceChildren(...current.opposite.map(listed));
  byId("explained").textContent = ""; byId("shares").replaceChildren(); byId("notes").replaceChildren(); drawPoints(); drawChanges(); drawStar();
  const wanted = current.name;
  let found;
  try { found = await ask("/api/explanation?name=" + encodeURIComponent(wanted)); } catch (error) { byId("explained").textContent = error.message; return; }
  if (current.name !== wanted) return;
  why = found;
  byId("explained").textContent = `${why.model} · ${Object.entries(why.verdicts).map(([v, n]) => `${n} claims ${v}`).join(", ")}`;
  byId("notes").replaceChildren(...why.notes.map((n) => make("li", n)));
  byId("shares").replaceChildren(...why.neighbours.map((n) => { const item = document.createElement("li"); item.append(make("span", n.perturbation, "who"), make("span", n.path.length > 1 ? n.path.join(" – ") + (n.sources.length ? ` (${n.sources.join(", ")})` : "") : "", "through"), make("span", `${(100 * n.share).toFixed(1)} %`, "number")); return item; }));
  drawStar();
}
let waiting = null;
byId("query").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(async () => {
  const names = await ask("/api/search?q=" + encodeURIComponent(byId("query").value)), list = byId("suggestions"); list.hidden = !names.length;
  list.replaceChildren(...names.map((name) => { const item = make("li", name); item.onmousedown = () => choose(name); return item; }));
}, 60); });
byId("query").addEventListener("blur", () => { byId("suggestions").hidden = true; });
byId("find").addEventListener("submit", (e) => { e.preventDefault(); if (byId("query").value.trim()) choose(byId("query").value); });
byId("kind").addEventListener("change", (e) => { kind = e.target.selectedIndex; model = summary.kinds[kind].chosen; showKind(); });
byId("model").addEventListener("change", (e) => { model = e.target.value; showKind(); });

function shade(t) { const low = [47, 111, 184], middle = [244, 241, 234], high = [200, 84, 10], c = Math.max(-1, Math.min(1, t)), end = c < 0 ? low : high; return `rgb(${middle.map((m, i) => Math.round(m + (end[i] - m) * Math.abs(c))).join(",")})`; }
async function heat(names) {
  let found;
  try { found = await ask(`/api/heatmap?kind=${byId("heat-kind").value}&names=` + encodeURIComponent(names)); } catch (error) { say(error.message, true); return; }
  say(found.missing.length ? `no ${found.kind} changes of: ` + found.missing.join(", ") : "");
  const rows = found.names.length, columns = found.genes.length, side = 110, above = 74, cell = Math.max(9, Math.min(16, Math.floor((byId("heat").clientWidth - side - 12) / columns))), tall = 15;
  const board = byId("cells"), brush = board.getContext("2d"), ratio = devicePixelRatio || 1, width = side + columns * cell, height = above + rows * tall;
  board.hidden = false; byId("legend").hidden = false; byId("limit").textContent = `${found.kind} change −${digits(found.limit)} to ${digits(found.limit)}`;
  board.width = width * ratio; board.height = height * ratio; board.style.width = width + "px"; board.style.height = height + "px"; brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  found.values.forEach((line, i) => line.forEach((v, j) => { brush.fillStyle = shade((v || 0) / (found.limit || 1)); brush.fillRect(side + j * cell, above + i * tall, cell - 1, tall - 1); }));
  brush.fillStyle = resolved("--ink"); brush.font = "11px sans-serif";
  found.names.forEach((name, i) => { brush.textAlign = "right"; brush.fillText(name, side - 5, above + i * tall + 11, side - 8); });
  found.genes.forEach((name, j) => { brush.save(); brush.translate(side + j * cell + cell * .75, above - 4); brush.rotate(-Math.PI / 2); brush.textAlign = "left"; brush.fillText(name, 0, 0, above - 8); brush.restore(); });
  board.dataset.drawn = rows;
}
byId("heat-form").addEventListener("submit", (e) => { e.preventDefault(); heat(byId("list").value); });
byId("use-similar").addEventListener("click", () => { byId("list").value = [current.name, ...current.similar.map((s) => s.name), ...current.opposite.slice(0, 4).map((s) => s.name)].join(", "); heat(byId("list").value); });
function redraw() { drawPoints(); drawHits(); drawChanges(); drawStar(); }
new ResizeObserver(redraw).observe(plane); matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

(async () => {
  [summary, points, curves] = await Promise.all([ask("/api/summary"), ask("/api/points"), ask("/api/hits")]);
  byId("title").textContent = summary.title; document.title = "Hooke · " + summary.title;
  byId("summary").textContent = `${summary.conditions.toLocaleString()} conditions, ${summary.evaluable.toLocaleString()} evaluable · ${summary.genes.toLocaleString()} read-outs${summary.graph ? " · " + summary.graph : ""}`;
  byId("verdicts").replaceChildren(...Object.entries(summary.verdicts).map(([name, text]) => make("li", `${name || "screen"}: ${text}`)));
  byId("kind").replaceChildren(...summary.kinds.map((k) => make("option", k.kind)));
  model = summary.kinds[0].chosen; showKind(); document.body.dataset.ready = "yes";
  const wanted = new URLSearchParams(location.search);
  if (wanted.get("name")) await choose(wanted.get("name"));
  if (wanted.get("heat")) { byId("list").value = wanted.get("heat"); await heat(wanted.get("heat")); }
  document.body.dataset.settled = "yes";
})().catch((error) => say(error.message, true));
