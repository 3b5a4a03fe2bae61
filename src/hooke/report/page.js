"use strict";
// What the page can do beyond being read: theme, sorting and searching tables, structures under the pointer, the map.
// Every text is set with textContent or setAttribute, never as HTML.
(() => {
  const { molecules, charts } = JSON.parse(document.getElementById("numbers").textContent);
  const portraits = molecules.some((one) => one.length > 2);
  const tip = document.getElementById("tip");
  const SVG = "http://www.w3.org/2000/svg";

  const make = (name, attributes = {}, ...children) => {
    const found = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) found.addEventListener(key.slice(2), value);
      else if (value !== undefined && value !== null) found.setAttribute(key, value);
    }
    found.append(...children.filter((child) => child !== null && child !== undefined));
    return found;
  };
  const makeSvg = (name, attributes, text) => {
    const found = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
    if (text !== undefined) found.textContent = text;
    return found;
  };
  const rows = (pairs) =>
    make("dl", {}, ...pairs.map(([name, value, colour]) =>
      make("div", {}, make("dt", {}, colour ? make("i", { class: `swatch ${colour}` }) : null, name), make("dd", {}, value))));
  const KNOWN = new Set(["N", "O", "F", "S", "P", "Cl", "Br", "I"]);
  const element = (name) => `e${KNOWN.has(name) ? name : "C"}`;

  const structure = (number) => {
    const [smiles, name, width, height, lines, fills, texts] = molecules[number];
    if (width === undefined) return make("span", { class: "undrawn" }, "no drawing");
    const drawn = makeSvg("svg", { class: "structure", viewBox: `-4 -4 ${width + 8} ${height + 8}`, role: "img", "aria-label": name || smiles });
    drawn.style.maxWidth = `${Math.round(width * 0.75 + 8)}px`;
    for (const [atom, d] of lines) drawn.append(makeSvg("path", { class: `pen ${element(atom)}`, d }));
    for (const [atom, d] of fills) drawn.append(makeSvg("path", { class: `wedge ${element(atom)}`, d }));
    for (const [x, y, size, atom, letters] of texts)
      drawn.append(makeSvg("text", { class: `atom ${element(atom)}`, x, y, "font-size": size }, letters));
    return drawn;
  };
  const portrait = (number) => {
    const [smiles, name] = molecules[number];
    return [structure(number), name ? make("p", {}, name) : null, make("code", { class: "smiles" }, smiles)];
  };

  // The same molecule is marked in every plot that holds it.
  const holders = new Map();
  let linked = [];
  const link = (number) => {
    for (const mark of linked) mark.classList.remove("linked");
    linked = number === undefined ? [] : holders.get(number) || [];
    for (const mark of linked) mark.classList.add("linked");
  };

  const hide = () => { tip.hidden = true; };
  const show = (content, x, y) => {
    tip.replaceChildren(...content.filter(Boolean));
    tip.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = tip;
    const left = x + 18 + width > innerWidth ? x - 18 - width : x + 18;
    tip.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    tip.style.top = `${Math.max(8, Math.min(y - height / 2, innerHeight - height - 8))}px`;
  };
  const local = (svg, event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const screen = (svg, x, y) => new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());

  // Points: the nearest one within reach answers the pointer; the arrow keys walk from left to right.
  const points = (svg, chart, marks, onPoint, onLeave, place = (x, y) => [x, y]) => {
    const at = marks.map((mark) => [Number(mark.getAttribute("cx")), Number(mark.getAttribute("cy"))]);
    const order = at.map((_, index) => index).sort((a, b) => at[a][0] - at[b][0]);
    let current = -1;
    marks.forEach((mark, index) => {
      const molecule = chart.molecules[index];
      if (molecule === undefined) return;
      if (!holders.has(molecule)) holders.set(molecule, []);
      holders.get(molecule).push(mark);
    });
    const choose = (index, x, y) => {
      current = index;
      link(chart.molecules[index]);
      onPoint(index, x, y);
    };
    const nearest = (event, reach) => {
      const { x, y } = local(svg, event);
      const scale = svg.getScreenCTM().a;
      let best = -1;
      let least = (reach / scale) ** 2;
      at.forEach(([px, py], index) => {
        const [sx, sy] = place(px, py);
        const distance = (sx - x) ** 2 + (sy - y) ** 2;
        if (distance < least && marks[index].style.display !== "none") { least = distance; best = index; }
      });
      return best;
    };
    const move = (event) => {
      const best = nearest(event, event.pointerType === "mouse" ? 16 : 30);
      if (best >= 0) choose(best, event.clientX, event.clientY);
      else if (event.pointerType === "mouse") leave();
    };
    const leave = () => { current = -1; link(); onLeave(); };
    svg.addEventListener("pointermove", move);
    svg.addEventListener("pointerdown", move);
    svg.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") leave(); });
    svg.addEventListener("blur", leave);
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (event.key === "Escape") leave();
      if (!step || !order.length) return;
      event.preventDefault();
      const rank = current < 0 ? (step > 0 ? 0 : order.length - 1) : (order.indexOf(current) + step + order.length) % order.length;
      const index = order[rank];
      const { x, y } = screen(svg, ...place(...at[index]));
      choose(index, x, y);
    });
  };

  const pointChart = (svg, chart) => {
    points(svg, chart, [...svg.querySelectorAll(".point")], (index, x, y) => {
      const unit = chart.unit ? ` ${chart.unit}` : "";
      const pairs = chart.fields.map(([name, values]) => [name, `${values[index]}${unit}`]);
      const molecule = chart.molecules[index];
      show([...(molecule === undefined ? [] : portrait(molecule)), rows(pairs)], x, y);
    }, hide);
  };

  const short = (value) => (value === null || value === undefined ? "–" : String(Number(value.toPrecision(4))).replace("-", "−"));
  const lineChart = (svg, chart) => {
    const [start, end] = chart.x.slice(2);
    const across = chart.log ? Math.log : (value) => value;
    const [low, high] = chart.x.slice(0, 2).map(across);
    const [left, top, right, bottom] = chart.box;
    const cross = makeSvg("line", { class: "cross", x1: 0, x2: 0, y1: top, y2: bottom, visibility: "hidden" });
    svg.append(cross);
    const steps = [...new Set(chart.series.flatMap((series) => series.x))].sort((a, b) => a - b);
    let current = -1;
    const nearest = (values, wanted) =>
      values.reduce((best, value, index) => (Math.abs(value - wanted) < Math.abs(values[best] - wanted) ? index : best), 0);
    const at = (rank, x, y) => {
      current = rank;
      const wanted = steps[rank];
      const pixel = start + ((across(wanted) - low) / (high - low)) * (end - start);
      cross.setAttribute("x1", pixel);
      cross.setAttribute("x2", pixel);
      cross.setAttribute("visibility", "visible");
      const pairs = chart.series.slice(0, 12).map((series) =>
        [series.name, short(series.y[nearest(series.x, wanted)]), series.colour]);
      const point = screen(svg, pixel, (top + bottom) / 2);
      show([rows([[chart.step, short(wanted)], ...pairs])], x ?? point.x, y ?? point.y);
    };
    const leave = () => { current = -1; cross.setAttribute("visibility", "hidden"); hide(); };
    const move = (event) => {
      const { x } = local(svg, event);
      if (x < left - 12 || x > right + 12 || !steps.length) return leave();
      at(nearest(steps.map(across), low + ((x - start) / (end - start)) * (high - low)), event.clientX, event.clientY);
    };
    svg.addEventListener("pointermove", move);
    svg.addEventListener("pointerdown", move);
    svg.addEventListener("pointerleave", leave);
    svg.addEventListener("blur", leave);
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (event.key === "Escape") leave();
      if (!step || !steps.length) return;
      event.preventDefault();
      at(Math.max(0, Math.min(steps.length - 1, current < 0 ? 0 : current + step)));
    });
  };

  const mapChart = (svg, chart) => {
    const group = svg.querySelector(".zoomed");
    const dots = [...group.children];
    const figure = svg.closest("figure");
    const panel = figure.querySelector(".panel");
    const hint = make("p", { class: "hint" }, "Point at a dot, or use the arrow keys.");
    const chosen = make("div", { class: portraits ? "chosen portrayed" : "chosen" }, hint);
    const legend = make("div", {});
    const off = new Set();
    let shown = 0;
    let sought = "";
    const view = { scale: 1, x: 0, y: 0 };

    const filter = () => {
      dots.forEach((dot, index) => {
        const [smiles, name] = molecules[chart.molecules[index]];
        const missed = sought && !(smiles.toLowerCase().includes(sought) || name.toLowerCase().includes(sought));
        const classes = chart.colourings[shown]?.classes[index];
        dot.style.display = off.has(classes) ? "none" : "";
        dot.classList.toggle("dim", Boolean(missed));
      });
    };
    const colour = (place) => {
      shown = place;
      off.clear();
      const found = chart.colourings[place];
      dots.forEach((dot, index) => { dot.setAttribute("class", `dot ${found.classes[index]}`); });
      legend.replaceChildren();
      if (found.categories.length) {
        const count = (name) => found.classes.filter((other) => other === name).length;
        legend.append(make("ul", { class: "legend" }, ...found.categories.map((name, index) => {
          const toggle = make("input", { type: "checkbox", checked: "", onchange: () => {
            if (toggle.checked) off.delete(`s${index % 8}`); else off.add(`s${index % 8}`);
            filter();
          } });
          toggle.style.cssText = "width:auto;margin:0;display:inline";
          const label = make("label", {}, toggle, make("i", { class: `swatch s${index % 8}` }), name, make("small", {}, String(count(`s${index % 8}`))));
          label.style.cssText = "display:inline-flex;align-items:center;gap:.4rem;margin:0;color:var(--soft)";
          return make("li", {}, label);
        })));
      } else {
        const [low, high] = found.range;
        legend.append(
          make("div", { class: "ramp" }, ...Array.from({ length: 12 }, (_, index) => make("i", { class: `r${index}` }))),
          make("div", { class: "ends" }, make("span", {}, `≤ ${low}`), make("span", {}, found.unit), make("span", {}, `≥ ${high}`)));
        if (found.classes.includes("none"))
          legend.append(make("ul", { class: "legend" }, make("li", {}, make("i", { class: "swatch none" }), "not measured")));
      }
      group.append(...dots.filter((dot) => !dot.classList.contains("none"))); // measured ones lie on top
      filter();
    };
    const apply = () => {
      view.x = Math.min(0, Math.max(-chart.width * (view.scale - 1), view.x));
      view.y = Math.min(0, Math.max(-chart.height * (view.scale - 1), view.y));
      group.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
      svg.style.setProperty("--zoom", view.scale ** 0.75); // dots grow a little
    };
    const zoom = (factor, x = chart.width / 2, y = chart.height / 2) => {
      const scale = Math.min(24, Math.max(1, view.scale * factor));
      view.x = x - ((x - view.x) * scale) / view.scale;
      view.y = y - ((y - view.y) * scale) / view.scale;
      view.scale = scale;
      apply();
    };

    if (chart.colourings.length) {
      const select = make("select", { onchange: () => colour(Number(select.value)) },
        ...chart.colourings.map(({ name }, index) => make("option", { value: index }, name)));
      panel.append(make("label", {}, "Colour by", select));
    }
    panel.append(legend);
    const search = make("input", { type: "search", placeholder: portraits ? "part of a SMILES or name" : "part of a name", oninput: () => { sought = search.value.trim().toLowerCase(); filter(); } });
    const find = make("label", {}, "Find", search);
    find.style.marginTop = ".9rem";
    panel.append(find, chosen);
    const button = (text, label, action) => make("button", { type: "button", "aria-label": label, onclick: action }, text);
    svg.parentElement.append(make("div", { class: "zoom" },
      button("+", "Zoom in", () => zoom(1.6)), button("−", "Zoom out", () => zoom(1 / 1.6)),
      button("Reset", "Show all", () => { Object.assign(view, { scale: 1, x: 0, y: 0 }); apply(); })));
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== svg) return; // the page scrolls on
      event.preventDefault();
      const { x, y } = local(svg, event);
      zoom(Math.exp(-event.deltaY * 0.0016), x, y);
    }, { passive: false });
    let drag = null;
    svg.addEventListener("pointerdown", (event) => {
      if (view.scale === 1) return;
      drag = local(svg, event);
      svg.setPointerCapture(event.pointerId);
      svg.classList.add("dragged");
    });
    svg.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const here = local(svg, event);
      view.x += here.x - drag.x;
      view.y += here.y - drag.y;
      drag = here;
      apply();
    });
    for (const name of ["pointerup", "pointercancel"])
      svg.addEventListener(name, () => { drag = null; svg.classList.remove("dragged"); });
    points(svg, chart, dots, (index) => {
      const pairs = chart.colourings.map(({ name, texts, unit, categories }) =>
        [name, categories.length || texts[index] === "not measured" || !unit ? texts[index] : `${texts[index]} ${unit}`]);
      chosen.replaceChildren(...portrait(chart.molecules[index]).filter(Boolean), rows(pairs));
    }, () => {}, (x, y) => [x * view.scale + view.x, y * view.scale + view.y]);
    if (chart.colourings.length) colour(0);
  };

  const kinds = { points: pointChart, lines: lineChart, map: mapChart };
  for (const svg of document.querySelectorAll("svg[data-chart]")) {
    const chart = charts[svg.dataset.chart];
    kinds[chart.kind](svg, chart);
  }
  addEventListener("scroll", () => { if (!document.activeElement?.matches("svg[data-chart]")) hide(); }, { passive: true });

  // Tables.
  for (const box of document.querySelectorAll(".table")) {
    const body = box.querySelector("tbody");
    const all = [...body.rows];
    const page = Number(box.dataset.page) || Infinity;
    let sought = "";
    let open = false;
    const nothing = make("p", { class: "nothing", hidden: "" }, "No row matches.");
    const more = make("button", { class: "more", type: "button", onclick: () => { open = true; update(); } });
    const texts = new Map(all.map((row) => [row, row.textContent.toLowerCase()]));
    const update = () => {
      let count = 0;
      for (const row of body.rows) {
        const match = !sought || texts.get(row).includes(sought);
        row.hidden = !match || (!open && count >= page);
        if (match) count += 1;
      }
      nothing.hidden = count > 0;
      more.hidden = open || count <= page;
      more.textContent = `Show all ${count.toLocaleString("en")} rows`;
    };
    if (box.dataset.search) {
      const input = make("input", { class: "search", type: "search", placeholder: "Search", "aria-label": `Search: ${box.dataset.search}`,
        oninput: () => { sought = input.value.trim().toLowerCase(); update(); } });
      box.prepend(input);
    }
    box.append(nothing, more);
    for (const head of box.querySelectorAll("th[data-sort]")) {
      const column = head.cellIndex;
      const numeric = head.dataset.sort === "number";
      const key = (row) => {
        const cell = row.cells[column];
        if (!cell) return null;
        if (cell.dataset.key === undefined) return numeric ? null : cell.textContent;
        return numeric ? Number(cell.dataset.key) : cell.dataset.key;
      };
      const sort = () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of box.querySelectorAll("th[data-sort]")) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const ordered = all.map((row) => [key(row), row]).sort(([a], [b]) => {
          if (a === null || b === null) return (a === null) - (b === null); // unknown values stay at the end
          const found = numeric ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
          return down ? -found : found;
        });
        body.append(...ordered.map(([, row]) => row));
        update();
      };
      head.replaceChildren(make("button", { type: "button", onclick: sort }, ...head.childNodes));
    }
    update();
  }

  // Pictures with many views: dragging or the arrow keys show another one.
  for (const frame of document.querySelectorAll(".turn")) {
    const [across, down] = [Number(frame.dataset.across), Number(frame.dataset.down)];
    const image = frame.querySelector("img");
    let place = [0, (down - 1) / 2];
    const turn = (right, up) => {
      place = [((place[0] + right) % across + across) % across, Math.min(down - 1, Math.max(0, place[1] + up))];
      image.style.transform = `translate(${-Math.round(place[0]) % across * 100 / across}%, ${-Math.round(place[1]) * 100 / down}%)`;
    };
    const fit = () => {
      frame.style.width = `${image.naturalWidth / across}px`;
      frame.style.height = `${image.naturalHeight / down}px`;
      turn(0, 0);
    };
    if (image.complete) fit(); else image.addEventListener("load", fit);
    frame.addEventListener("pointerdown", (event) => frame.setPointerCapture(event.pointerId));
    frame.addEventListener("pointermove", (event) => {
      if (frame.hasPointerCapture(event.pointerId)) turn(event.movementX / 12, event.movementY / 40);
    });
    frame.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (step) { event.preventDefault(); turn(...step); }
    });
  }

  // Copy buttons.
  for (const block of document.querySelectorAll(".code")) {
    const button = make("button", { class: "copy", type: "button", onclick: async () => {
      const text = block.querySelector("code").textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block.querySelector("code"));
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    } }, "Copy");
    block.append(button);
  }

  // Theme.
  const themes = ["auto", "light", "dark"];
  const remembered = (() => { try { return localStorage.getItem("hooke-theme"); } catch { return null; } })();
  const dress = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    toggle.textContent = `Theme: ${theme}`;
    toggle.value = theme;
    try { localStorage.setItem("hooke-theme", theme); } catch { /* a file may have no storage */ }
  };
  const toggle = make("button", { type: "button", onclick: () => dress(themes[(themes.indexOf(toggle.value) + 1) % 3]) });
  document.querySelector(".tools").append(toggle);
  dress(themes.includes(remembered) ? remembered : "auto");

  // The section in sight is marked in the contents.
  const links = new Map([...document.querySelectorAll(".contents a")].map((found) => [found.getAttribute("href").slice(1), found]));
  const sections = [...document.querySelectorAll("main > section")];
  const mark = () => {
    const line = innerHeight * 0.3;
    let current = sections[0];
    for (const section of sections) if (section.getBoundingClientRect().top < line) current = section;
    if (innerHeight + scrollY >= document.documentElement.scrollHeight - 4) current = sections[sections.length - 1];
    for (const [name, found] of links) {
      if (name !== current.id) found.removeAttribute("aria-current");
      else if (!found.hasAttribute("aria-current")) {
        found.setAttribute("aria-current", "true");
        const list = found.closest("nav");
        list.scrollTo({ left: found.offsetLeft - list.clientWidth / 2 + found.offsetWidth / 2 });
      }
    }
  };
  addEventListener("scroll", mark, { passive: true });
  addEventListener("resize", mark, { passive: true });
  mark();

  addEventListener("beforeprint", () => { for (const found of document.querySelectorAll("details")) found.open = true; });
})();
