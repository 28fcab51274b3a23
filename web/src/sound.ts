/** The sounds: versions of one recording, equally loud, that play in step; one is heard. */

import { clock } from "./data";
import { deck, type Deck } from "./deck";

export function sounds(): void {
  const root = document.querySelector<HTMLElement>("#sounds");
  if (!root) return;
  const tracks = [...root.querySelectorAll<HTMLAudioElement>("audio")];
  const choices = [...root.querySelectorAll<HTMLInputElement>("input[type=radio]")];
  const play = root.querySelector<HTMLButtonElement>("[data-play]");
  const seek = root.querySelector<HTMLInputElement>("[data-seek]");
  const time = root.querySelector<HTMLElement>("[data-time]");
  if (!tracks.length || !play || !seek) return;
  root.classList.add("together");
  for (const track of tracks) track.controls = false;
  const player: Deck = deck(tracks);
  const show = (): void => {
    play.textContent = player.playing() ? "Pause" : "Play";
    root.classList.toggle("running", player.playing());
    const length = player.length();
    if (!length) return;
    seek.value = String(Math.round((player.at() / length) * 1000));
    seek.setAttribute("aria-valuetext", clock(player.at()));
    if (time) time.textContent = `${clock(player.at())} / ${clock(length)}`;
  };
  play.addEventListener("click", () => {
    void (player.playing() ? player.pause() : player.play()).then(show, show);
  });
  choices.forEach((choice, i) =>
    choice.addEventListener("change", () => {
      if (choice.checked) player.hear(i);
    }),
  );
  seek.addEventListener("input", () => player.seek((Number(seek.value) / 1000) * player.length()));
  setInterval(show, 200);
  show();
  root.querySelector("[data-player]")?.removeAttribute("hidden");
}
