// What the kernel says of a process: CPU time and memory. Linux only, as the benchmarks are.

import { readdirSync, readFileSync } from "node:fs";

export interface CpuTime {
  readonly userSeconds: number;
  readonly systemSeconds: number;
}

export interface Memory {
  readonly residentBytes: number;
  /** Pages that no other process maps. */
  readonly privateBytes: number;
}

/** USER_HZ: 100 on every architecture that Linux, nginx, Envoy and Bun all run on. */
const TICKS_A_SECOND = 100;

/** /proc/PID/stat: fields 14 and 15 are the ticks of all threads. The second field is a name that may hold spaces and parentheses. */
export function parseStat(text: string): CpuTime {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { userSeconds: Number(fields[11]) / TICKS_A_SECOND, systemSeconds: Number(fields[12]) / TICKS_A_SECOND };
}

/**
 * /proc/PID/smaps_rollup. Private counts clean pages too, so a program's pages are private as long as one process alone runs it: measure
 * while two do, as on every machine with more than one sidecar.
 */
export function parseSmaps(text: string): Memory {
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN) * 1024;
  return { residentBytes: bytes("Rss"), privateBytes: bytes("Private_Clean") + bytes("Private_Dirty") };
}

/** "0-3,8" of Cpus_allowed_list. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(",")
    .flatMap((part) => {
      const [first = Number.NaN, last = first] = part.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}

function sum(times: readonly CpuTime[]): CpuTime {
  return {
    userSeconds: times.reduce((total, time) => total + time.userSeconds, 0),
    systemSeconds: times.reduce((total, time) => total + time.systemSeconds, 0),
  };
}

/** A process and those that it started itself: a proxy of several workers is one of them and its supervisor. */
export function withChildren(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  const children = threads.map((thread) => threadFile(pid, thread, "children"));
  return [pid, ...children.flatMap((list) => list.trim().split(" ").filter(Boolean)).map(Number)];
}

/** Of several processes together. */
export function cpuTime(pids: readonly number[]): CpuTime {
  return sum(pids.map((pid) => parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"))));
}

/** JavaScriptCore's name for the threads of its optimising compilers. They end when they have had nothing to do for 10 s. */
const COMPILER_THREAD = /\(JITWorker/;

/** The part of it that went into compiling JavaScript; none in programs that do not. */
export function compilerTime(pids: readonly number[]): CpuTime {
  const threads = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((thread) => threadFile(pid, thread, "stat")),
  );
  return sum(threads.filter((text) => COMPILER_THREAD.test(text)).map(parseStat));
}

/** "" for a thread that ended since it was listed. */
function threadFile(pid: number, thread: string, file: "stat" | "children"): string {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/${file}`, "utf8");
  } catch {
    return "";
  }
}

/** Of the largest of several processes. */
export function memory(pids: readonly number[]): Memory {
  const all = pids.map((pid) => parseSmaps(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")));
  return {
    residentBytes: Math.max(...all.map(({ residentBytes }) => residentBytes)),
    privateBytes: Math.max(...all.map(({ privateBytes }) => privateBytes)),
  };
}

export function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return parseCpuList(list);
}
