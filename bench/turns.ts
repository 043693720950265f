// How long the turns of an event loop are, as the kernel saw them: from the end of one epoll call of its thread to the beginning of the
// next. Works for any program; needs tracefs, thus root. What a thread waits for a core that other processes have is told apart.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Figure, figure } from "./figure.ts";
import { withChildren } from "./proc.ts";

/** Linux mounts it there since 4.1. */
const TRACEFS = "/sys/kernel/tracing";
/** Of each core: 3 MB of events a second were the most that was seen. */
const BUFFER_KILOBYTES = 64 * 1024;
const EVENTS = [
  ...["epoll_wait", "epoll_pwait", "epoll_pwait2"].flatMap((call) => [`sys_enter_${call}`, `sys_exit_${call}`]),
].map((event) => `syscalls/${event}`);
const SCHEDULER_EVENTS = ["sched/sched_switch", "sched/sched_wakeup"];

/** Milliseconds. */
export interface Turn {
  /** Of the trace's clock. */
  readonly at: number;
  /** On the clock of the wall. */
  readonly wallMs: number;
  /** Without what others had the core for: the thread's own, and while it waited for threads of its process or its children. */
  readonly ownMs: number;
  /** The thread's own time on a core alone. */
  readonly cpuMs: number;
}

/** `threads`: those of the process and its children; `loop`: the one whose turns are asked for. */
export interface Loop {
  readonly loop: number;
  readonly threads: ReadonlySet<number>;
}

const LINE = /-(\d+)\s+\[\d+\]\s+\S+\s+([\d.]+): (.*)$/;
const SWITCH = /^sched_switch: .*?prev_pid=(\d+) prev_prio=-?\d+ prev_state=(\S+) ==> .*next_pid=(\d+) /;
const WAKEUP = /^sched_wakeup: .* pid=(\d+) /;

/** What became of one turn so far; the thread is off its core since `offSince` (-1: it is on it), because of others or not. */
class TurnClock {
  readonly at: number;
  #offMs = 0;
  #waitedMs = 0;
  #offSince = -1;
  #waitsSince = -1;

  constructor(at: number) {
    this.at = at;
  }

  off(at: number, forOthers: boolean): void {
    this.#offSince = at;
    this.#waitsSince = forOthers ? at : -1;
  }

  /** May run again. */
  woken(at: number, forOthers: boolean): void {
    if (this.#offSince >= 0 && forOthers) this.#waitsSince = at;
  }

  on(at: number): void {
    if (this.#offSince >= 0) this.#offMs += at - this.#offSince;
    if (this.#waitsSince >= 0) this.#waitedMs += at - this.#waitsSince;
    this.#offSince = -1;
    this.#waitsSince = -1;
  }

  end(at: number): Turn {
    const wallMs = at - this.at;
    return { at: this.at, wallMs, ownMs: wallMs - this.#waitedMs, cpuMs: wallMs - this.#offMs };
  }
}

/** The turns of a loop in the text of a trace. What had begun before it, or did not end in it, is none. */
export function turnsOf(trace: string, { loop, threads }: Loop): Turn[] {
  const turns: Turn[] = [];
  let turn: TurnClock | undefined;
  for (const line of trace.split("\n")) {
    const [, thread, seconds, what = ""] = LINE.exec(line) ?? [];
    if (thread === undefined) continue;
    const at = Number(seconds) * 1_000;
    const switched = SWITCH.exec(what);
    if (switched) {
      const [, from, state = "", to] = switched;
      if (Number(from) === loop) turn?.off(at, state.startsWith("R") && !threads.has(Number(to)));
      else if (Number(to) === loop) turn?.on(at);
    } else if (what.startsWith("sched_wakeup")) {
      if (Number(WAKEUP.exec(what)?.[1]) === loop) turn?.woken(at, !threads.has(Number(thread)));
    } else if (Number(thread) === loop && what.startsWith("sys_epoll_")) {
      if (turn && !what.includes("->")) turns.push(turn.end(at));
      turn = what.includes("->") ? new TurnClock(at) : undefined;
    }
  }
  return turns;
}

/** How often it is looked which threads and children there are: what lives for a shorter time has the core for no longer. */
const LOOK_MS = 20;

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return []; // it has ended
  }
}

/** The thread of a process that serves. */
function loopOf(pid: number): number {
  // Envoy's main thread applies configuration; requests are its workers'.
  const isWorker = (id: number) => readFileSync(`/proc/${pid}/task/${id}/comm`, "utf8").startsWith("wrk:worker_0");
  return threadsOf(pid).find(isWorker) ?? pid;
}

/**
 * A recording of one process. To make room for one (128 MB of pages, on the core of the application under load) and to read it take longer
 * than what it is there to see: the first belongs before the load, the second after it.
 */
export class TurnRecording {
  readonly #pid: number;
  readonly #loop: number;
  readonly #folder: string;
  /** Of the process and of those that it starts: what they do is its own doing. */
  readonly #threads = new Set<number>();
  #looking: Timer | undefined;

  /** Undefined where the kernel may not be asked. */
  static prepare(pid: number): TurnRecording | undefined {
    return existsSync(join(TRACEFS, "instances")) && process.getuid?.() === 0 ? new TurnRecording(pid) : undefined;
  }

  private constructor(pid: number) {
    this.#pid = pid;
    this.#loop = loopOf(pid);
    this.#folder = join(TRACEFS, "instances", `heddle-bench-${process.pid}-${pid}`);
    mkdirSync(this.#folder);
    this.#set("tracing_on", "0");
    this.#set("trace_clock", "mono");
    this.#set("buffer_size_kb", String(BUFFER_KILOBYTES));
    this.#set("set_event_pid", String(this.#loop));
    for (const event of [...EVENTS, ...SCHEDULER_EVENTS]) {
      const file = join("events", event, "enable");
      if (existsSync(join(this.#folder, file))) this.#set(file, "1");
    }
  }

  begin(): void {
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
    this.#set("tracing_on", "1");
  }

  #look(): void {
    for (const pid of withChildren(this.#pid)) for (const thread of threadsOf(pid)) this.#threads.add(thread);
  }

  #set(file: string, value: string): void {
    writeFileSync(join(this.#folder, file), value);
  }

  end(): void {
    this.#set("tracing_on", "0");
    this.#look();
    clearInterval(this.#looking);
  }

  /** Call once, after its end. */
  read(): readonly Turn[] {
    const trace = readFileSync(join(this.#folder, "trace"), "utf8");
    this.#set("events/enable", "0");
    rmdirSync(this.#folder);
    return turnsOf(trace, { loop: this.#loop, threads: this.#threads });
  }
}

/** Of the program's own doing: its compiler and collector may share the loop's core, the load generator does not count. */
export const LONGEST_TURN = "longest turn of the loop";

/** None where nothing was recorded. */
export function turnFigures(subject: string, recording: TurnRecording | undefined): Figure[] {
  if (!recording) return [];
  const turns = recording.read();
  const longest = (of: (turn: Turn) => number) => turns.reduce((most, turn) => Math.max(most, of(turn)), 0);
  return [
    figure(
      subject,
      LONGEST_TURN,
      longest(({ ownMs }) => ownMs),
      "ms",
    ),
    figure(
      subject,
      "CPU of its thread in a turn",
      longest(({ cpuMs }) => cpuMs),
      "ms",
    ),
    figure(
      subject,
      "turn by the clock",
      longest(({ wallMs }) => wallMs),
      "ms",
    ),
  ];
}
