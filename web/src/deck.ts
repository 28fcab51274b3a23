/** Versions that run in step: one clock and one level each, or elements where that cannot be. */

const FADE_S = 0.012;
const DRIFT_S = 0.03;

export interface Deck {
  play(): Promise<void>;
  pause(): Promise<void>;
  seek(at: number): void;
  hear(index: number): void;
  playing(): boolean;
  at(): number;
  length(): number;
}

interface Held {
  gain_db: number;
  aac: string;
}

/** What products/sound/listening.js holds, by name in the order of the tracks. */
function held(count: number): Held[] | null {
  const found = (window as unknown as { skycraneSounds?: Record<string, Held> }).skycraneSounds;
  const all = found ? Object.values(found) : [];
  return all.length === count && typeof AudioContext !== "undefined" ? all : null;
}

export function deck(tracks: HTMLAudioElement[]): Deck {
  const all = held(tracks.length);
  const elements = elementDeck(tracks);
  if (!all) return elements;
  let chosen: Deck | null = null;
  let heard = 0;
  const pick = async (): Promise<Deck> => {
    if (!chosen) {
      try {
        chosen = await bufferDeck(all);
      } catch {
        chosen = elements; // a browser that cannot decode it still plays the recordings
      }
      chosen.hear(heard);
    }
    return chosen;
  };
  return {
    play: async () => (await pick()).play(),
    pause: async () => chosen?.pause(),
    seek: (at) => (chosen ?? elements).seek(at),
    hear: (index) => {
      heard = index;
      (chosen ?? elements).hear(index);
    },
    playing: () => chosen?.playing() ?? false,
    at: () => (chosen ?? elements).at(),
    length: () => (chosen ?? elements).length(),
  };
}

/** Decoded once; every version starts on the same sample and only levels change. */
async function bufferDeck(all: Held[]): Promise<Deck> {
  const context = new AudioContext();
  const buffers = await Promise.all(
    all.map((one) => {
      const bytes = Uint8Array.from(atob(one.aac), (letter) => letter.charCodeAt(0));
      return context.decodeAudioData(bytes.buffer);
    }),
  );
  const levels = buffers.map((_, i) => {
    const gain = context.createGain();
    gain.gain.value = i ? 0 : 1;
    gain.connect(context.destination);
    return gain;
  });
  const length = Math.min(...buffers.map((buffer) => buffer.duration));
  let sources: AudioBufferSourceNode[] = [];
  let began = 0; // the context's time at which the recording's start would have sounded
  let stopped = 0;
  const at = (): number =>
    sources.length ? Math.min(context.currentTime - began, length) : stopped;
  const stop = (): void => {
    for (const source of sources) {
      source.onended = null;
      source.stop();
    }
    sources = [];
  };
  const start = (from: number): void => {
    stop();
    const when = context.currentTime + 0.02;
    began = when - from;
    sources = buffers.map((buffer, i) => {
      const source = context.createBufferSource();
      source.buffer = buffer;
      const level = levels[i];
      if (level) source.connect(level);
      source.start(when, from);
      return source;
    });
    const first = sources[0];
    if (first) first.onended = () => { stop(); stopped = 0; };
  };
  return {
    play: async () => {
      await context.resume();
      start(stopped >= length ? 0 : stopped);
    },
    pause: async () => {
      stopped = at();
      stop();
    },
    seek: (to) => {
      stopped = Math.min(Math.max(to, 0), length);
      if (sources.length) start(stopped);
    },
    hear: (index) => {
      const now = context.currentTime;
      levels.forEach((level, i) => {
        level.gain.setValueAtTime(level.gain.value, now);
        level.gain.linearRampToValueAtTime(i === index ? 1 : 0, now + FADE_S);
      });
    },
    playing: () => sources.length > 0,
    at,
    length: () => length,
  };
}

/** Elements that all run all the time, of which one is heard. */
function elementDeck(tracks: HTMLAudioElement[]): Deck {
  let heard = 0;
  const lead = (): HTMLAudioElement | undefined => tracks[heard];
  const together = (): void => {
    const now = lead()?.currentTime ?? 0;
    tracks.forEach((track, i) => {
      if (i !== heard && Math.abs(track.currentTime - now) > DRIFT_S) track.currentTime = now;
    });
  };
  tracks.forEach((track) => {
    track.muted = track !== lead();
    track.addEventListener("timeupdate", () => track === lead() && together());
  });
  return {
    play: async () => {
      together();
      await Promise.all(tracks.map((track) => track.play()));
    },
    pause: async () => tracks.forEach((track) => track.pause()),
    seek: (at) => tracks.forEach((track) => (track.currentTime = at)),
    hear: (index) => {
      heard = index;
      tracks.forEach((track, i) => (track.muted = i !== index));
    },
    playing: () => !(lead()?.paused ?? true),
    at: () => lead()?.currentTime ?? 0,
    length: () => lead()?.duration || 0,
  };
}
