// Whether the machine was ours: a loop of known work tells what others take of the cores, and whether their speed changes.

import { join } from "node:path";
import type { Lab } from "./lab.ts";

export type LoopSample = readonly [wallMs: number, cpuMs: number];

export interface Noise {
  /** Then the figures are to be taken with care; ratios of one run still mean something. */
  readonly noisy: boolean;
  /** Largest share of a core that other processes had, 0 to 1. */
  readonly takenByOthers: number;
  /** Slowest repetition of the same work over the fastest, in CPU time: 1 is a steady clock. */
  readonly speedSpread: number;
}

/** Kernel threads and timers of an idle machine stay below this. */
const MAX_TAKEN = 0.05;
/** Turbo and thermal limits of a machine with nothing else to do stay below this. */
const MAX_SPREAD = 1.25;

/** `cores`: the samples of each loop that ran. */
export function judgeNoise(cores: readonly (readonly LoopSample[])[]): Noise {
  const taken = cores.map((samples) => {
    const wall = samples.reduce((sum, [wallMs]) => sum + wallMs, 0);
    const cpu = samples.reduce((sum, [, cpuMs]) => sum + cpuMs, 0);
    return Math.max(0, 1 - cpu / wall);
  });
  const work = cores.flat().map(([, cpuMs]) => cpuMs);
  const takenByOthers = Math.max(...taken);
  const speedSpread = Math.max(...work) / Math.min(...work);
  return { noisy: takenByOthers > MAX_TAKEN || speedSpread > MAX_SPREAD, takenByOthers, speedSpread };
}

/** The samples of both cores, one after the other. */
export async function calibrate(lab: Lab): Promise<LoopSample[][]> {
  const command = [process.execPath, join(import.meta.dir, "calibration-loop.ts")];
  const cores: LoopSample[][] = [];
  for (const core of ["client", "proxy"] as const) cores.push(JSON.parse(await lab.output(command, core)));
  return cores;
}
