/** Plots of altitude, speed and load on the flight's clock, with a mark where the film is. */

import uPlot from "uplot";
import type { Film } from "./film";
import { clock, type Landing } from "./data";

interface Quantity {
  key: "altitude_m" | "speed_m_s" | "load_g";
  id: string;
  colour: string;
  scale: number;
  unit: (value: number) => string;
  axis: string;
}

const QUANTITIES: Quantity[] = [
  { key: "altitude_m", id: "plot-altitude", colour: "#ffba6c", scale: 1e-3, axis: "km", unit: (v) => (v < 1 ? `${(v * 1000).toFixed(0)} m` : `${v.toFixed(2)} km`) },
  { key: "speed_m_s", id: "plot-speed", colour: "#e98a5b", scale: 1, axis: "m/s", unit: (v) => `${v < 100 ? v.toFixed(1) : v.toFixed(0)} m/s` },
  { key: "load_g", id: "plot-load", colour: "#d9c6ae", scale: 1, axis: "g", unit: (v) => `${v.toFixed(2)} g` },
];

const FONT = "12px Barlow, sans-serif";
const PLOT_HEIGHT = 190;

export function plots(film: Film, landing: Landing): void {
  const { series } = landing;
  if (!series) return;
  const made = QUANTITIES.map((quantity) => plot(quantity, film, landing)).filter((p): p is uPlot => p !== null);
  for (const p of made) new ResizeObserver(() => p.setSize({ width: p.root.parentElement!.clientWidth, height: PLOT_HEIGHT })).observe(p.root.parentElement!);
  film.onTime(() => made.forEach((p) => p.redraw(false)));
  zooms(made, landing);
}

function plot(quantity: Quantity, film: Film, landing: Landing): uPlot | null {
  const host = document.getElementById(quantity.id);
  if (!host || !landing.series) return null;
  const values = landing.series[quantity.key].map((v) => v * quantity.scale);
  const readout = host.parentElement?.querySelector<HTMLElement>("[data-readout]");
  const tell = (index: number | null | undefined): void => {
    const v = index == null ? undefined : values[index];
    if (readout && v !== undefined) readout.textContent = quantity.unit(v);
  };
  const options: uPlot.Options = {
    width: host.clientWidth,
    height: PLOT_HEIGHT,
    legend: { show: false },
    padding: [12, 8, 0, 0],
    cursor: { sync: { key: "landing" }, y: false, points: { size: 7, fill: "#fff", stroke: quantity.colour }, drag: { x: false, y: false } },
    scales: { x: { time: false }, y: { range: (_u, _min, max) => [0, Math.max(max * 1.08, 1e-3)] } },
    axes: [
      { stroke: "#a2958a", font: FONT, grid: { stroke: "#ffffff0d" }, ticks: { show: false }, values: (_u, ticks) => ticks.map((t) => clock(t)), space: 80 },
      { stroke: "#a2958a", font: FONT, grid: { stroke: "#ffffff0d" }, ticks: { show: false }, size: 56, values: (_u, ticks) => ticks.map((t, i) => (i === ticks.length - 1 ? `${t} ${quantity.axis}` : `${t}`)) },
    ],
    series: [{}, { stroke: quantity.colour, width: 2, fill: `${quantity.colour}1f`, points: { show: false } }],
    hooks: {
      draw: [(u) => marks(u, film, landing)],
      setCursor: [(u) => tell(u.cursor.idx)],
    },
  };
  const made = new uPlot(options, [landing.series.t_s, values], host);
  made.over.addEventListener("click", () => film.seek(made.posToVal(made.cursor.left ?? 0, "x")));
  const nearest = (t_s: number): number => made.valToIdx(t_s);
  film.onTime((t_s) => tell(nearest(t_s)));
  return made;
}

/** Event lines behind, the film's mark in front. */
function marks(u: uPlot, film: Film, landing: Landing): void {
  const { ctx, bbox } = u;
  const line = (t_s: number, colour: string, width: number): void => {
    const x = Math.round(u.valToPos(t_s, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.strokeStyle = colour;
    ctx.lineWidth = width * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  };
  ctx.save();
  for (const event of landing.events) line(event.t_s, "#ffffff24", 1);
  if (film.t_s > landing.opens_s) line(film.t_s, "#fff6e8", 1.5);
  ctx.restore();
}

/** Buttons that choose which part of the flight the plots show. */
function zooms(made: uPlot[], landing: Landing): void {
  const buttons = [...document.querySelectorAll<HTMLButtonElement>("[data-zoom-from]")];
  const show = (button: HTMLButtonElement): void => {
    const min = Number(button.dataset["zoomFrom"]);
    const max = Number(button.dataset["zoomTo"]);
    for (const p of made) p.setScale("x", { min, max });
    for (const b of buttons) b.setAttribute("aria-pressed", String(b === button));
  };
  for (const button of buttons) button.addEventListener("click", () => show(button));
  const first = buttons.find((b) => b.getAttribute("aria-pressed") === "true") ?? buttons[0];
  if (first && landing.series) show(first);
}
