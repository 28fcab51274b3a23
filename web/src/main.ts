/** The replay page of a landing: what the page's own HTML cannot do without a script. */

import "uplot/dist/uPlot.min.css";
import "./style.css";
import { readLanding } from "./data";
import { Film, transcript } from "./film";
import { gallery } from "./gallery";
import { plots } from "./plots";
import { sounds } from "./sound";

function start(): void {
  const landing = readLanding();
  const film = new Film(landing);
  transcript(film, landing);
  plots(film, landing);
  sounds();
  gallery();
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-seek-s]")) {
    button.addEventListener("click", () => film.seek(Number(button.dataset["seekS"]), true));
  }
  document.documentElement.classList.add("alive");
}

start();
