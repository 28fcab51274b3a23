/** The film: captions as cues, one clock that plots and lists follow, and seeking by event. */

import type { Landing } from "./data";

type Listener = (t_s: number) => void;

export class Film {
  private readonly video: HTMLVideoElement | null;
  private readonly opens_s: number;
  private readonly listeners: Listener[] = [];
  private last = NaN;

  constructor(landing: Landing) {
    this.opens_s = landing.opens_s;
    this.video = document.querySelector<HTMLVideoElement>("#film");
    if (!this.video) return;
    this.caption(this.video, landing);
    this.follow(this.video);
  }

  /** Call `listener` with the flight's time whenever the film's time changes. */
  onTime(listener: Listener): void {
    this.listeners.push(listener);
    if (this.video) listener(this.t_s);
  }

  get t_s(): number {
    return this.opens_s + (this.video?.currentTime ?? 0);
  }

  /** Show the film at a time of the flight; returns false where the film does not reach. */
  seek(t_s: number, andShow = false): boolean {
    if (!this.video) return false;
    const at = t_s - this.opens_s;
    if (at < -1 || at > (this.video.duration || Infinity)) return false;
    this.video.currentTime = Math.max(0, at);
    if (andShow) this.video.scrollIntoView({ behavior: "smooth", block: "center" });
    return true;
  }

  /** A browser loads no caption file beside a page opened from disk, so cues are made here. */
  private caption(video: HTMLVideoElement, landing: Landing): void {
    if (!landing.captions.length) return;
    const track = video.addTextTrack("captions", "Call-outs", "en");
    for (const caption of landing.captions) {
      const cue = new VTTCue(caption.start_s, caption.end_s, "");
      // Plain text: what the cue format would take for markup is escaped.
      const text = caption.text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
      cue.text = `${caption.speaker.replace(/&/g, "&amp;").replace(/</g, "&lt;")}: ${text}`;
      cue.line = 2;
      track.addCue(cue);
    }
    track.mode = "hidden";
    const button = document.querySelector<HTMLButtonElement>("#captions-toggle");
    button?.addEventListener("click", () => {
      track.mode = track.mode === "showing" ? "hidden" : "showing";
      button.setAttribute("aria-pressed", String(track.mode === "showing"));
    });
    button?.removeAttribute("hidden");
  }

  private follow(video: HTMLVideoElement): void {
    const tell = (): void => {
      if (video.currentTime !== this.last) {
        this.last = video.currentTime;
        for (const listener of this.listeners) listener(this.t_s);
      }
    };
    const run = (): void => {
      tell();
      if (!video.paused && !video.ended) requestAnimationFrame(run);
    };
    video.addEventListener("play", run);
    for (const name of ["seeked", "pause", "timeupdate", "loadedmetadata"]) video.addEventListener(name, tell);
  }
}

/** Light up the call-out being spoken, and let each be clicked. */
export function transcript(film: Film, landing: Landing): void {
  const rows = [...document.querySelectorAll<HTMLButtonElement>("#transcript [data-index]")];
  const list = document.querySelector<HTMLElement>("#transcript");
  for (const row of rows) {
    const caption = landing.captions[Number(row.dataset["index"])];
    if (caption) row.addEventListener("click", () => film.seek(landing.opens_s + caption.start_s));
  }
  let current = -1;
  film.onTime((t_s) => {
    const at = t_s - landing.opens_s;
    let index = -1;
    landing.captions.forEach((caption, i) => {
      if (caption.start_s <= at + 0.05) index = i;
    });
    if (index === current) return;
    rows[current]?.removeAttribute("aria-current");
    current = index;
    const row = rows[index];
    if (!row || !list) return;
    row.setAttribute("aria-current", "true");
    list.scrollTo({ top: row.offsetTop - list.clientHeight / 2 + row.clientHeight / 2, behavior: "smooth" });
  });
}
