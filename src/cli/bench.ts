// `heddle bench`: the measurements of bench/, which need the checkout that they are in.

import { join } from "node:path";
import type { Command } from "commander";
import { Failure } from "../base/failure.ts";
import { checkout } from "./self.ts";

const CASES = `
hop          one HTTP/1.1 request through one proxy, in plaintext
mesh         the same through two sidecars with mutual TLS; also over one connection, and at 70 % of Envoy's capacity
grpc         unary calls through two sidecars
tcp-1m       1 MiB as bytes through two sidecars
http-1m      responses of 1 MiB through two sidecars
connections  memory of 5,000 idle connections
routes       5,000 virtual hosts with 20 routes each: a request, one change, all of them at once
stall        p99 at half load during an update of all routes, and during 5,000 handshakes
scale        1, 2 and 4 processes on two cores

--seconds N and --rounds N make a run shorter; what is shorter than the default is not recorded.`;

export function define(command: Command): void {
  command
    .argument("[arguments...]", "hop, mesh, grpc, tcp-1m, http-1m, connections, routes, stall, scale; --json")
    .addHelpText("after", CASES)
    .allowUnknownOption()
    .action((args: readonly string[]) => bench(args));
}

async function bench(args: readonly string[]): Promise<void> {
  if (checkout === undefined) {
    throw new Failure("bench runs from a checkout only: it measures the sources beside nginx, HAProxy and Envoy", {
      hint: "npm run bench -- mesh, in a checkout",
    });
  }
  const child = Bun.spawn([process.execPath, join(checkout, "bench", "main.ts"), ...args], {
    stdio: ["inherit", "inherit", "inherit"],
  });
  process.exitCode = await child.exited;
}
