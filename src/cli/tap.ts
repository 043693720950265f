// `heddle tap`: requests that pass through one proxy, live, from its admin interface.

import { type Command, Option } from "commander";
import { EXIT, Failure } from "../base/failure.ts";
import { fetchProblem } from "../base/fetch-problem.ts";
import { adminOption } from "./admin-option.ts";
import { stateOption } from "./api-client.ts";
import type { AdminAddress } from "./proxy-admin.ts";
import { TraceReader, traceLine } from "./tap-trace.ts";
import { print } from "./terminal.ts";
import { method, name, wholeNumber } from "./values.ts";

interface TapOptions {
  readonly admin?: string;
  readonly state?: string;
  readonly namespace?: string;
  readonly path?: string;
  readonly method?: string;
  readonly authority?: string;
  readonly header?: readonly string[];
  readonly status?: string;
  readonly source?: string;
  readonly body?: number;
  readonly count?: number;
  readonly duration?: number;
  readonly output: string;
}

const FILTERS = ["path", "method", "authority", "status", "source", "body", "count", "duration"] as const;
/** Where the first proxy of a machine listens. */
const USUAL = "127.0.0.1:15000";

export function define(command: Command): void {
  command
    .argument(
      "[workload]",
      `NAME, NAMESPACE/NAME or NAME.NAMESPACE of what was started on this machine (default: the proxy at ${USUAL})`,
    )
    .option("-n, --namespace <name>", "namespace of a NAME alone (default: any)", name("--namespace"))
    .addOption(adminOption("the proxy's admin interface, HOST:PORT"))
    .option("--path <prefix>", "of the path")
    .option("--method <method>", "of the request", method)
    .option("--authority <host>", "that the request is for, with its port where it has one")
    .option(
      "--header <name[:value]>",
      "that the request has; again for more",
      (one, all: readonly string[] = []): readonly string[] => [...all, one],
    )
    .option("--status <status>", "503, 5xx or 400-499", statusText)
    .option("--source <who>", "the client's address or SPIFFE identity")
    .option("--body <bytes>", "show so many of each body (with -o json)", wholeNumber("--body", "1024"))
    .option("--count <number>", "end after so many", wholeNumber("--count", "10"))
    .option("--duration <seconds>", "end after so long", wholeNumber("--duration", "60"))
    .addOption(new Option("-o, --output <form>").choices(["text", "json"]).default("text"));
  command.addOption(stateOption());
  command.addHelpText(
    "after",
    "\nCredentials in headers are not shown. Example: heddle tap web --status 5xx; heddle tap shop/web --path /cart -o json",
  );
  command.action((workload: string | undefined, options: TapOptions) => tap(workload, options));
}

function statusText(text: string): string {
  if (/^(?:[1-5]xx|\d{3}(?:-\d{3})?)$/.test(text)) return text;
  throw new Failure(`--status is no status: ${JSON.stringify(text)}`, {
    hint: "--status 503, 5xx or 400-499",
    exit: EXIT.usage,
  });
}

async function addressOf(workload: string | undefined, options: TapOptions): Promise<AdminAddress> {
  const { admin, state, namespace } = options;
  if (workload === undefined) return { address: admin ?? USUAL, node: undefined };
  if (admin !== undefined)
    throw new Failure("a workload and --admin exclude each other", {
      hint: "heddle tap WORKLOAD, or heddle tap --admin HOST:PORT",
      exit: EXIT.usage,
    });
  // What finds it is the sidecars' own code, which a tap of a known address does not load.
  const { adminDump, adminOf } = await import("./proxy-admin.ts");
  const found = adminOf(workload, state, namespace);
  await adminDump(found); // another may have the port by now
  return found;
}

function tapUrl(address: string, options: TapOptions): string {
  const url = new URL(`http://${address}/tap`);
  for (const name of FILTERS) if (options[name] !== undefined) url.searchParams.set(name, String(options[name]));
  for (const header of options.header ?? []) url.searchParams.append("header", header);
  return url.href;
}

async function open({ address, socket }: AdminAddress, options: TapOptions): Promise<ReadableStream<Uint8Array>> {
  let response: Response;
  try {
    response = await fetch(tapUrl(address, options), socket === undefined ? {} : { unix: socket });
  } catch (thrown) {
    throw new Failure(`no proxy answers at ${address}: ${fetchProblem(thrown)}`, {
      hint: "heddle tap WORKLOAD, or its admin interface by --admin HOST:PORT",
      cause: thrown,
    });
  }
  if (response.ok && response.body) return response.body;
  if (response.status === 404)
    throw new Failure(`the proxy at ${address} has no tap`, {
      hint: "of an Envoy, heddle proxy-config log WORKLOAD --level http:debug writes requests into its log",
    });
  throw new Failure(`the proxy refuses: ${(await response.text()).trim()}`, {
    exit: response.status === 400 ? EXIT.usage : EXIT.failure,
  });
}

async function tap(workload: string | undefined, options: TapOptions): Promise<void> {
  const reader = new TraceReader();
  const decoder = new TextDecoder();
  for await (const chunk of await open(await addressOf(workload, options), options))
    for (const trace of reader.read(decoder.decode(chunk, { stream: true })))
      await print(options.output === "json" ? JSON.stringify(trace) : traceLine(trace));
}
