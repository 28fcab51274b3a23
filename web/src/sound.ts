/** The sounds: versions of one recording that play together, of which one is heard. */

import { clock } from "./data";

const FADE_MS = 40;
const DRIFT_S = 0.03;

export function sounds(): void {
  const root = document.querySelector<HTMLElement>("#sounds");
  if (!root) return;
  const tracks = [...root.querySelectorAll<HTMLAudioElement>("audio")];
  const choices = [...root.querySelectorAll<HTMLInputElement>("input[type=radio]")];
  const play = root.querySelector<HTMLButtonElement>("[data-play]");
  const seek = root.querySelector<HTMLInputElement>("[data-seek]");
  const time = root.querySelector<HTMLElement>("[data-time]");
  const lead = tracks[0];
  if (!lead || !play || !seek) return;
  root.classList.add("together");
  for (const track of tracks) track.controls = false;
  let heard = 0;
  const levels = (): void => tracks.forEach((track, i) => fade(track, i === heard ? 1 : 0));
  levels();

  // Every version runs all the time, so that changing over is only a change of level. The silent
  // ones are drawn to the one heard, where setting them right cannot be noticed.
  const together = (): void => {
    const now = tracks[heard]?.currentTime ?? 0;
    tracks.forEach((track, i) => {
      if (i !== heard && Math.abs(track.currentTime - now) > DRIFT_S) track.currentTime = now;
    });
  };
  const label = (): void => {
    const running = !lead.paused;
    play.textContent = running ? "Pause" : "Play";
    root.classList.toggle("running", running);
  };
  play.addEventListener("click", () => {
    if (lead.paused) {
      together();
      void Promise.all(tracks.map((track) => track.play())).then(label);
    } else {
      tracks.forEach((track) => track.pause());
    }
    label();
  });
  choices.forEach((choice, i) =>
    choice.addEventListener("change", () => {
      if (!choice.checked) return;
      heard = i;
      levels();
    }),
  );
  seek.addEventListener("input", () => {
    const at = (Number(seek.value) / 1000) * (lead.duration || 0);
    tracks.forEach((track) => (track.currentTime = at));
  });
  lead.addEventListener("timeupdate", () => {
    together();
    if (!lead.duration) return;
    seek.value = String(Math.round((lead.currentTime / lead.duration) * 1000));
    seek.setAttribute("aria-valuetext", clock(lead.currentTime));
    if (time) time.textContent = `${clock(lead.currentTime)} / ${clock(lead.duration)}`;
  });
  for (const name of ["pause", "play", "ended"]) lead.addEventListener(name, label);
  root.querySelector("[data-player]")?.removeAttribute("hidden");
}

function fade(track: HTMLAudioElement, goal: number): void {
  const from = track.volume;
  const began = performance.now();
  const step = (): void => {
    const share = Math.min(1, (performance.now() - began) / FADE_MS);
    track.volume = from + (goal - from) * share;
    if (share < 1) requestAnimationFrame(step);
  };
  step();
}
