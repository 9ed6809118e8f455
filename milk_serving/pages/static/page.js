// A pointer for the drawings: which month or horizon, and what is drawn there. The pages need no script; without this
// one each column of a drawing shows its title instead, and the tables hold every value.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

function drawn(name, kind, parent) {
  const element = document.createElementNS(SVG, name);
  element.setAttribute("class", kind);
  parent.append(element);
  return element;
}

function point(plot, label) {
  const svg = plot.querySelector("svg");
  const columns = [...svg.querySelectorAll(".hit")].map((rect) => {
    const title = rect.querySelector("title");
    const told = title.textContent.split("\n");
    title.remove();
    return { x: rect.x.baseVal.value + rect.width.baseVal.value / 2, y: Number(rect.dataset.y), told };
  });
  if (!columns.length) return;
  const box = svg.viewBox.baseVal;
  const guide = drawn("line", "guide", svg);
  const mark = drawn("circle", "mark", svg);
  mark.setAttribute("r", "4.5");
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  plot.append(tip);
  let at = columns.length - 1;

  function show(index) {
    at = Math.max(0, Math.min(columns.length - 1, index));
    const { x, y, told } = columns[at];
    guide.setAttribute("x1", x);
    guide.setAttribute("x2", x);
    guide.setAttribute("y1", 0);
    guide.setAttribute("y2", box.height);
    mark.setAttribute("cx", x);
    mark.setAttribute("cy", y);
    tip.replaceChildren(...told.map((text, line) => {
      const element = document.createElement(line ? "span" : "strong");
      element.textContent = text;
      return element;
    }));
    tip.hidden = false;
    const scale = svg.getBoundingClientRect().width / box.width;
    const left = x * scale;
    const room = plot.clientWidth - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(room, left > plot.clientWidth / 2 ? left - tip.offsetWidth - 14 : left + 14))}px`;
    plot.classList.add("pointed");
    plot.setAttribute("aria-valuenow", at);
    plot.setAttribute("aria-valuetext", told.join(", "));
  }

  function hide() {
    tip.hidden = true;
    plot.classList.remove("pointed");
  }

  function nearest(event) {
    const area = svg.getBoundingClientRect();
    const x = ((event.clientX - area.left) / area.width) * box.width;
    let best = 0;
    columns.forEach((column, index) => {
      if (Math.abs(column.x - x) < Math.abs(columns[best].x - x)) best = index;
    });
    return best;
  }

  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -12, PageUp: 12 };
  plot.tabIndex = 0;
  plot.setAttribute("role", "slider");
  plot.setAttribute("aria-label", label);
  plot.setAttribute("aria-valuemin", 0);
  plot.setAttribute("aria-valuemax", columns.length - 1);
  plot.setAttribute("aria-valuenow", at);
  plot.setAttribute("aria-valuetext", columns[at].told.join(", "));
  plot.addEventListener("pointermove", (event) => show(nearest(event)));
  plot.addEventListener("pointerdown", (event) => show(nearest(event)));
  plot.addEventListener("pointerleave", () => { if (document.activeElement !== plot) hide(); });
  plot.addEventListener("focus", () => show(at));
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(columns.length - 1);
    else if (event.key in steps) show(at + steps[event.key]);
    else return;
    event.preventDefault();
  });
}

for (const plots of document.querySelectorAll(".plots")) {
  for (const plot of plots.querySelectorAll(".plot")) point(plot, plots.dataset.label);
}
