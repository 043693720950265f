// A case of the suite: configuration in xDS, requests, expectations; run on Heddle's proxy and on Envoy, over each of its legs.

import { describe, test } from "bun:test";
import { findComponent } from "../../../scripts/components.ts";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { configureLog } from "../../../src/base/log.ts";
import type { Application } from "./application.ts";
import type { Received } from "./behaviour.ts";
import type { BytesApplication } from "./bytes.ts";
import { Client } from "./client.ts";
import { ALL_LEGS, type CaseConfiguration, type Leg } from "./configuration.ts";
import { APPLICATIONS, BYTES, labOf } from "./lab.ts";
import type { Log, LogLine } from "./logs.ts";
import type { ProxyProcess } from "./process.ts";

const hasEnvoy = findComponent("envoy") !== undefined;
if (!hasEnvoy && process.env.CI === "true") throw new Error("the traffic suite needs envoy");
const PROXIES: readonly ProxyKind[] = hasEnvoy ? ["heddle", "envoy"] : ["heddle"];

/** The waits of a case end before it: a test that is over its time takes every process of the run with it. */
const TIMEOUT_MS = 20_000;
configureLog({ level: process.env.TEST_LOG === "debug" ? "debug" : "off" });

export interface Applications {
  readonly v1: Application;
  readonly v2: Application;
  readonly v3: Application;
  readonly bytes: BytesApplication;
  /** What all of them got, those of v1 first. */
  readonly requests: readonly Received[];
}

/** What a case is given. */
export interface Traffic {
  readonly proxy: ProxyKind;
  readonly leg: Leg;
  /** Before the client's proxy. */
  readonly client: Client;
  readonly application: Applications;
  /** The first lines of the client's proxy's access log in this case; waits until there are so many. */
  logs(count: number): Promise<readonly LogLine[]>;
  readonly log: Log;
  readonly serverLog: Log;
  /** The client's proxy, with its admin interface. */
  readonly process: ProxyProcess;
  readonly serverProcess: ProxyProcess;
  /** Puts other configuration in place, on the same listener; resolves when it is in force. @throws Error with the proxy's refusal. */
  update(config: CaseConfiguration): Promise<void>;
}

export type Body = (traffic: Traffic) => Promise<void>;

/** A proxy that does otherwise, and why: it is held to its own expectation. */
interface Difference {
  readonly because: string;
  readonly expect: Body;
}

/** A defect that is known: the case runs and must fail, so that whoever repairs it finds the note. */
interface Defect {
  readonly because: string;
  /** All of the case's unless told otherwise. */
  readonly legs?: readonly Leg[];
  /** Part of what the failure says, where the case could fail of something else. */
  readonly saying?: string;
}

export interface CaseOptions extends CaseConfiguration {
  /** ALL_LEGS unless told otherwise. */
  readonly legs?: readonly Leg[];
  readonly differs?: Readonly<Partial<Record<ProxyKind, Difference>>>;
  readonly fails?: Readonly<Partial<Record<ProxyKind, Defect>>>;
  /** Not run there, and why. */
  readonly skip?: Readonly<Partial<Record<ProxyKind, string>>>;
  readonly timeoutMs?: number;
}

const applications: Applications = {
  ...APPLICATIONS,
  bytes: BYTES,
  get requests() {
    return Object.values(APPLICATIONS).flatMap(({ requests }) => requests);
  },
};

function restartApplications(): void {
  for (const application of Object.values(APPLICATIONS)) application.restart();
  BYTES.restart();
}

async function run(proxy: ProxyKind, leg: Leg, options: CaseOptions, body: Body): Promise<void> {
  const lab = await labOf(proxy);
  restartApplications();
  const { place, log, serverLog, update } = await lab.apply(options, leg);
  const client = new Client(place);
  try {
    await body({
      proxy,
      leg,
      client,
      application: applications,
      logs: (count) => log.atLeast(count),
      log,
      serverLog,
      process: lab.client,
      serverProcess: lab.server,
      update,
    });
  } finally {
    client.close();
  }
}

/** A laboratory that does not start is no known defect. */
async function mustFail(
  { because, saying = "" }: Defect,
  proxy: ProxyKind,
  leg: Leg,
  options: CaseOptions,
  body: Body,
): Promise<void> {
  await labOf(proxy);
  const failure = await run(proxy, leg, options, body).then(
    () => undefined,
    (thrown) => Bun.stripANSI(thrown instanceof Error ? thrown.message : String(thrown)),
  );
  if (failure === undefined) throw new Error(`the case passes: take its \`fails\` out (${because})`);
  if (!failure.includes(saying)) throw new Error(`it fails otherwise than by ${JSON.stringify(saying)}: ${failure}`);
}

/** Declares a case: a test for each proxy and leg. */
export function traffic(name: string, options: CaseOptions, body: Body): void {
  describe(name, () => {
    for (const proxy of PROXIES) for (const leg of options.legs ?? ALL_LEGS) declare(proxy, leg, options, body);
  });
}

function declare(proxy: ProxyKind, leg: Leg, options: CaseOptions, body: Body): void {
  const difference = options.differs?.[proxy];
  const defect = options.fails?.[proxy];
  const skipped = options.skip?.[proxy];
  const title = `${proxy} ${leg}`;
  const own = difference?.expect ?? body;
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  if (skipped !== undefined) test.skip(`${title}: ${skipped}`, () => {});
  else if (defect && (defect.legs ?? [leg]).includes(leg))
    test(`${title} fails: ${defect.because}`, () => mustFail(defect, proxy, leg, options, own), timeoutMs);
  else test(difference ? `${title}: ${difference.because}` : title, () => run(proxy, leg, options, own), timeoutMs);
}

/** Declares that a configuration is refused. `expect` is given the proxy's words. */
export function refused(
  name: string,
  options: Omit<CaseOptions, "legs">,
  expectReason: (reason: string, proxy: ProxyKind) => void,
): void {
  describe(name, () => {
    for (const proxy of PROXIES) {
      test(
        `${proxy} refuses`,
        async () => {
          const lab = await labOf(proxy);
          const reason = await lab.apply(options, "plaintext").then(
            () => "",
            (thrown: Error) => thrown.message,
          );
          await lab.client.apply({});
          expectReason(reason, proxy);
        },
        TIMEOUT_MS,
      );
    }
  });
}
