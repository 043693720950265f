// What each client does, one exchange after the other: decided by the seed, the client's name and a count, and by nothing that happens.

import { Random } from "./random.ts";

export const PROTOCOLS = ["http1", "http2", "grpc-unary", "grpc-stream", "websocket", "bytes", "visitor"] as const;
/** `visitor`: HTTP/1.1 by way of the listener that comes and goes. */
export type Protocol = (typeof PROTOCOLS)[number];

/** Who takes its time: 16 KiB, then a pause. */
export type Pace = "fast" | "slow-reader" | "slow-writer" | "slow-server";

export interface Exchange {
  readonly id: string;
  readonly protocol: Protocol;
  /** GET may be tried again whatever happened to it; POST only while no host can have seen it. */
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Chooses the bytes of both bodies. */
  readonly seed: number;
  /** Bytes of the client's body and of the application's. */
  readonly up: number;
  readonly down: number;
  /** The application resets after so many bytes of its body, before its head at 0: the first time that it sees the exchange. */
  readonly reset: number | undefined;
  /** The client resets after so many bytes of the application's body; at 0 when its own body is on its way. */
  readonly givesUp: number | undefined;
  readonly pace: Pace;
  /** Before it begins. */
  readonly pauseMs: number;
}

const RESET_SHARE = 0.01;
const GIVING_UP_SHARE = 0.01;
const SLOW_SHARE = 0.03;
const LARGE_SHARE = 0.02;
const LARGE_BYTES = 2 * 1024 * 1024;
/** Through a pause per 16 KiB, that many bytes take half a second. */
const SLOW_BYTES = 256 * 1024;
const SMALL_BYTES = 4_096;
const MIDDLING_BYTES = 96 * 1024;
const PAUSE_MS = 120;

/** By the leg they take: multiplexed, HTTP/1.1, none. */
const PATHS = ["/mesh", "/mesh", "/one", "/plain"] as const;

function bodyLength(random: Random, pace: Pace): number {
  if (pace !== "fast") return SLOW_BYTES - random.below(SLOW_BYTES / 2);
  const share = random.share();
  if (share < LARGE_SHARE) return LARGE_BYTES - random.below(LARGE_BYTES / 2);
  return random.below(share < 0.2 ? MIDDLING_BYTES : SMALL_BYTES);
}

function paceOf(random: Random): Pace {
  const share = random.share() / SLOW_SHARE;
  if (share < 1 / 3) return "slow-reader";
  if (share < 2 / 3) return "slow-writer";
  return share < 1 ? "slow-server" : "fast";
}

function pathOf(protocol: Protocol, random: Random): string {
  switch (protocol) {
    case "grpc-unary":
      return "/soak.Soak/Unary";
    case "grpc-stream":
      return "/soak.Soak/Stream";
    case "websocket":
      return "/one";
    default:
      return PATHS[random.below(PATHS.length)]!;
  }
}

/** The `count`th of this client. */
export function exchangeOf(seed: number, client: string, protocol: Protocol, count: number): Exchange {
  const id = `${client}-${count}`;
  const random = new Random(`${seed}/${id}`);
  const requests = protocol === "http1" || protocol === "http2" || protocol === "visitor";
  const method = requests && random.share() < 0.6 ? "GET" : "POST";
  const pace = protocol === "grpc-unary" ? "fast" : paceOf(random);
  const up = method === "GET" ? 0 : protocol === "grpc-unary" ? random.below(SMALL_BYTES) : bodyLength(random, pace);
  const down = protocol === "grpc-unary" ? random.below(SMALL_BYTES) : bodyLength(random, pace);
  const resets = random.share() < RESET_SHARE;
  const givesUp = !resets && random.share() < GIVING_UP_SHARE;
  const at = random.share() < 0.3 ? 0 : random.below(down + 1);
  return {
    id,
    protocol,
    method,
    path: pathOf(protocol, random),
    seed: random.below(2 ** 30),
    up,
    down,
    reset: resets ? at : undefined,
    givesUp: givesUp ? at : undefined,
    pace,
    pauseMs: random.below(PAUSE_MS),
  };
}

/** As the application is told, in a header or in the first line of a byte stream. */
export function exchangeText({ id, seed, up, down, reset, pace, protocol }: Exchange): string {
  return [id, seed, up, down, reset ?? "-", pace, protocol].join(";");
}

/** What the application knows of an exchange. */
export type Told = Pick<Exchange, "id" | "seed" | "up" | "down" | "reset" | "pace" | "protocol">;

export function readExchange(text: string): Told {
  const [id = "", seed, up, down, reset, pace, protocol] = text.split(";");
  return {
    id,
    seed: Number(seed),
    up: Number(up),
    down: Number(down),
    reset: reset === "-" ? undefined : Number(reset),
    pace: pace as Pace,
    protocol: protocol as Protocol,
  };
}
