// The live screen: who is up, what the split is, how it does, who is who on each leg, and where to look.

import type { Style } from "../../../src/cli/terminal.ts";
import { renderTable } from "../../../src/cli/terminal.ts";
import type { LoadReport } from "../client.ts";
import type { Leg } from "./legs.ts";
import type { DemoMesh, Member } from "./mesh.ts";

const BAR_WIDTH = 40;
/** Without a terminal to draw on, a picture now and then is enough. */
const PLAIN_INTERVAL_MS = 5_000;

export interface Scene {
  readonly mesh: DemoMesh;
  readonly members: readonly Member[];
  readonly legs: readonly Leg[];
  readonly load: LoadReport | undefined;
  readonly upMs: number;
}

/** Draws over the last picture on a terminal, below it elsewhere. */
export class Screen {
  readonly #style: Style;
  readonly #stream: NodeJS.WriteStream;
  #lastAt = Number.NEGATIVE_INFINITY;
  #last: readonly string[] = [];
  #open = true;

  constructor(stream: NodeJS.WriteStream, style: Style) {
    this.#stream = stream;
    this.#style = style;
    // The alternate screen and a hidden cursor, as `less` and `top` have them.
    if (stream.isTTY) stream.write("\x1b[?1049h\x1b[?25l");
    process.once("exit", () => this.close());
  }

  draw(scene: Scene): void {
    const now = performance.now();
    if (!this.#stream.isTTY && now - this.#lastAt < PLAIN_INTERVAL_MS) return;
    this.#lastAt = now;
    const lines = picture(scene, this.#style);
    this.#last = lines;
    if (!this.#stream.isTTY) this.#stream.write(`${lines.join("\n")}\n\n`);
    else this.#stream.write(`\x1b[H${lines.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
  }

  /** Leaves the terminal as it was, with the last picture below. */
  close(): void {
    if (!this.#stream.isTTY || !this.#open) return;
    this.#open = false;
    this.#stream.write(`\x1b[?25h\x1b[?1049l${this.#last.map((line) => `${line}\n`).join("")}`);
  }
}

export function picture(scene: Scene, style: Style): readonly string[] {
  const { load } = scene;
  return [
    `${style.bold("Heddle")}  golden-signal, 80/20 under STRICT mutual TLS   ${style.dim(`${Math.floor(scene.upMs / 1_000)} s, Ctrl-C ends it`)}`,
    "",
    ...who(scene, style),
    "",
    ...(load ? traffic(load, style) : [style.dim("no request has been answered yet")]),
    "",
    ...scene.legs.map((leg) => legLine(leg, style)),
    "",
    ...links(scene, style),
  ];
}

function who({ mesh, members }: Scene, style: Style): readonly string[] {
  const state = (up: boolean): string => (up ? style.green("up") : style.red("down"));
  const controlPlane = mesh.processes[0]!;
  const rows = [
    [controlPlane.name, state(controlPlane.running), mesh.note.api, ""],
    ...members.map(({ app, version, ready, address, applicationPort, meshPort }) => [
      `${app} ${version}`,
      state(ready),
      applicationPort === undefined ? "calls only" : `${address}:${applicationPort}`,
      `${address}:${meshPort}`,
    ]),
  ];
  return renderTable(["who", "state", "application", "mesh port"], rows).split("\n");
}

function traffic({ requests, failed, perSecond, versions }: LoadReport, style: Style): readonly string[] {
  const answered = Object.values(versions).reduce((sum, version) => sum + version.requests, 0);
  const success = requests === 0 ? 100 : (100 * (requests - failed)) / requests;
  const rate = success === 100 ? style.green("100 %") : style.red(`${success.toFixed(2)} %`);
  const rows = Object.entries(versions).map(([version, { requests: count, latencyMs }]) => {
    const share = answered === 0 ? 0 : count / answered;
    const bar = "█".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, "░");
    const { p50, p95, p99 } = latencyMs;
    return [version, `${(100 * share).toFixed(1)} %`, bar, String(p50), String(p95), String(p99)];
  });
  return [
    `${style.bold(String(perSecond))} requests/s   success ${rate}   ${requests} requests, ${failed} failed`,
    ...renderTable(["version", "split", "", "p50 ms", "p95 ms", "p99 ms"], rows).split("\n"),
  ];
}

function legLine({ from, to, mtls, client, server }: Leg, style: Style): string {
  const lock = mtls ? style.green("mutual TLS") : style.yellow("not proven"); // at first one end has counted before the other
  return `${from} → ${to}   ${lock}   ${client} → ${server}`;
}

function links({ mesh, members }: Scene, style: Style): readonly string[] {
  const { dashboard, api, metrics } = mesh.note;
  return [
    `dashboard    ${style.cyan(dashboard)}`,
    `API          ${style.cyan(api)}   kubectl --server ${api} get virtualservices`,
    `Prometheus   ${style.cyan(metrics)} control plane`,
    ...members.map(({ app, version, metricsUrl }) => `             ${style.cyan(metricsUrl)} ${app} ${version}`),
  ];
}
