/** What the page is given: the JSON embedded in it, written by skycrane.page. */

export interface Caption {
  start_s: number;
  end_s: number;
  speaker: string;
  text: string;
}

export interface FlightEvent {
  label: string;
  t_s: number;
}

export interface Landing {
  /** Time on the flight's clock [s after entry interface] of the film's first frame. */
  opens_s: number;
  captions: Caption[];
  events: FlightEvent[];
  /** Columns over `t_s`: altitude [m], speed [m/s], load [Earth g]. */
  series: { t_s: number[]; altitude_m: number[]; speed_m_s: number[]; load_g: number[] } | null;
}

export function readLanding(): Landing {
  const node = document.getElementById("landing-data");
  return JSON.parse(node?.textContent ?? "null") as Landing;
}

/** mm:ss of seconds, with a sign only below zero. */
export function clock(t_s: number): string {
  const whole = Math.floor(Math.abs(t_s) + 1e-6);
  const mm = String(Math.floor(whole / 60)).padStart(2, "0");
  return `${t_s < 0 ? "−" : ""}${mm}:${String(whole % 60).padStart(2, "0")}`;
}
