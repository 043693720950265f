// `heddle tap`: requests that pass through one proxy, live, from its admin interface.

import { type Command, Option } from "commander";
import { EXIT, Failure } from "../base/failure.ts";
import { adminOption } from "./admin-option.ts";
import { TraceReader, traceLine } from "./tap-trace.ts";
import { print } from "./terminal.ts";

interface TapOptions {
  readonly admin: string;
  readonly path?: string;
  readonly method?: string;
  readonly authority?: string;
  readonly header: readonly string[];
  readonly status?: string;
  readonly source?: string;
  readonly body?: string;
  readonly count?: string;
  readonly duration?: string;
  readonly output: string;
}

const FILTERS = ["path", "method", "authority", "status", "source", "body", "count", "duration"] as const;

export function define(command: Command): void {
  command
    .addOption(adminOption("the proxy's admin interface, HOST:PORT").default("127.0.0.1:15000"))
    .option("--path <prefix>", "of the path")
    .option("--method <method>")
    .option("--authority <host>")
    .option(
      "--header <name[:value]>",
      "that the request has; again for more",
      (one, all: string[]) => [...all, one],
      [],
    )
    .option("--status <status>", "503, 5xx or 400-499")
    .option("--source <who>", "the client's address or SPIFFE identity")
    .option("--body <bytes>", "show so many of each body (with -o json)")
    .option("--count <number>", "end after so many")
    .option("--duration <seconds>", "end after so long")
    .addOption(new Option("-o, --output <form>").choices(["text", "json"]).default("text"))
    .addHelpText("after", "\nCredentials in headers are not shown.")
    .action((options: TapOptions) => tap(options));
}

function tapUrl(options: TapOptions): string {
  const url = new URL(`http://${options.admin}/tap`);
  for (const name of FILTERS) if (options[name] !== undefined) url.searchParams.set(name, options[name]);
  for (const header of options.header) url.searchParams.append("header", header);
  return url.href;
}

async function open(options: TapOptions): Promise<ReadableStream<Uint8Array>> {
  let response: Response;
  try {
    response = await fetch(tapUrl(options));
  } catch (thrown) {
    throw new Failure(`no proxy answers at ${options.admin}`, {
      hint: "name its admin interface with --admin HOST:PORT; proxy.log beside its program tells the port",
      cause: thrown,
    });
  }
  if (!response.ok || !response.body)
    throw new Failure(`the proxy refuses: ${(await response.text()).trim()}`, {
      exit: response.status === 400 ? EXIT.usage : EXIT.failure,
    });
  return response.body;
}

async function tap(options: TapOptions): Promise<void> {
  const reader = new TraceReader();
  const decoder = new TextDecoder();
  for await (const chunk of await open(options))
    for (const trace of reader.read(decoder.decode(chunk, { stream: true })))
      await print(options.output === "json" ? JSON.stringify(trace) : traceLine(trace));
}
