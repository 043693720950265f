// The options of `heddle run`.

import { type Command, Option } from "commander";
import type { ProxyKind } from "../agent/sidecar.ts";
import { namespaceOption, stateOption } from "./api-client.ts";
import type { WantedPorts } from "./sidecar-ports.ts";
import {
  address,
  concurrency,
  duration,
  type GroupOption,
  group,
  type HostPort,
  hostPort,
  label,
  name,
  port,
  type UpstreamOption,
  upstream,
  urlPath,
} from "./values.ts";

const PROTOCOLS = ["http", "http2", "grpc", "tcp"] as const;

export interface RunOptions {
  readonly state?: string;
  readonly name?: string;
  readonly group?: GroupOption;
  readonly version: string;
  readonly namespace: string;
  readonly serviceAccount?: string;
  readonly port?: number;
  readonly servicePort: number;
  readonly protocol: (typeof PROTOCOLS)[number];
  readonly upstream?: readonly UpstreamOption[];
  readonly proxy: ProxyKind;
  readonly capture?: true;
  readonly address?: string;
  readonly metricsPath?: string;
  readonly drainTime?: number;
  readonly concurrency: number | undefined;
  readonly token?: string;
  readonly controlPlane?: HostPort;
  readonly adminPort?: number;
  readonly inboundPort?: number;
  readonly meshPort?: number;
  readonly statusPort?: number;
  readonly forwardProxyPort?: number;
}

function portOption(flag: string, what: string): Option {
  return new Option(`${flag} <port>`, `${what}, 0 for any free one`).argParser(port(flag, "free"));
}

export function addRunOptions(command: Command): void {
  command
    .argument("<command...>", "the program and its arguments, after --")
    .option("--name <name>", "of the service that the program is an instance of", name("--name"))
    .option(
      "--group <namespace/name>",
      "WorkloadGroup that it registers by: its labels, ports, place and probe are that's, and no service is made for it",
      group("--group"),
    )
    .option("--version <version>", "label that subsets choose it by", label("--version"), "v1")
    .addOption(namespaceOption())
    .option("--service-account <name>", "its identity in the mesh (default: the name)", name("--service-account"))
    .addOption(
      new Option("--port <port>", "where the program listens, on loopback; it is given it as PORT").argParser(
        port("--port"),
      ),
    )
    .addOption(
      new Option("--service-port <port>", "under which others call it").argParser(port("--service-port")).default(80),
    )
    .addOption(new Option("--protocol <protocol>", "that it speaks").choices(PROTOCOLS).default("http"))
    .addOption(
      new Option("--upstream <port=host:port>", "a local port that leads to a service; may be repeated").argParser(
        upstream("--upstream"),
      ),
    )
    .addOption(new Option("--proxy <kind>", "what stands beside it").choices(["heddle", "envoy"]).default("heddle"))
    .option(
      "--capture",
      "redirect its connections, in a network of its own, where this machine is host.heddle.internal; Linux, as root",
    )
    .option("--address <ip>", "by which its peers reach it (default: the one that leads to the control plane)", address)
    .option(
      "--metrics-path <path>",
      "where it serves metrics, which are then merged with the sidecar's",
      urlPath("--metrics-path"),
    )
    .addOption(
      new Option("--drain-time <duration>", "for what is under way at the end")
        .argParser(duration("--drain-time", 0))
        .default(undefined, "as the mesh's terminationDrainDuration says, else 5s"),
    )
    .addOption(
      new Option("--concurrency <number>", "cores that the proxy may use; 0 or auto: all that this process may run on")
        .argParser(concurrency("--concurrency"))
        .default(undefined, "as the mesh's ProxyConfig says, else 1"),
    )
    .addOption(
      new Option("--control-plane <host:port>", "a remote one (default: the one that runs here)").argParser(
        hostPort("--control-plane"),
      ),
    )
    .addOption(new Option("--token <token>", "join token, for a remote control plane").env("HEDDLE_TOKEN"))
    .addOption(portOption("--mesh-port", "takes the mesh's traffic"))
    .addOption(portOption("--inbound-port", "takes plaintext for the program, where policy allows it"))
    .addOption(portOption("--forward-proxy-port", "HTTP proxy for the program"))
    .addOption(portOption("--status-port", "health and metrics"))
    .addOption(portOption("--admin-port", "admin interface of the proxy"));
  command.addOption(stateOption());
  command.addHelpText("after", "\nExample: heddle run --name golden-signal --version v1 --port 8080 -- node server.js");
}

/** Those that were asked for by number. */
export function wantedPorts(options: RunOptions): WantedPorts {
  const { adminPort, inboundPort, meshPort, statusPort, forwardProxyPort } = options;
  return {
    ...(adminPort === undefined ? {} : { admin: adminPort }),
    ...(inboundPort === undefined ? {} : { inbound: inboundPort }),
    ...(meshPort === undefined ? {} : { mesh: meshPort }),
    ...(statusPort === undefined ? {} : { status: statusPort }),
    ...(forwardProxyPort === undefined ? {} : { forwardProxy: forwardProxyPort }),
  };
}
