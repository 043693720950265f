// The options of `heddle gateway`.

import { type Command, Option } from "commander";
import type { ProxyKind } from "../agent/sidecar.ts";
import { namespaceOption, stateOption } from "./api-client.ts";
import {
  address,
  duration,
  type GatewayPortOption,
  gatewayPort,
  type HostPort,
  hostPort,
  name,
  port,
} from "./values.ts";

export interface GatewayOptions {
  readonly state?: string;
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount?: string;
  readonly port?: readonly GatewayPortOption[];
  readonly proxy: ProxyKind;
  readonly address?: string;
  readonly drainTime?: number;
  readonly token?: string;
  readonly controlPlane?: HostPort;
  readonly adminPort?: number;
  readonly statusPort?: number;
}

export function addGatewayOptions(command: Command): void {
  command
    .addOption(
      new Option("--name <name>", "label `app`, and `istio` without istio- in front: Gateways choose it by them")
        .argParser(name("--name"))
        .default("istio-ingressgateway"),
    )
    .addOption(namespaceOption())
    .option("--service-account <name>", "its identity in the mesh (default: the name)", name("--service-account"))
    .addOption(
      new Option(
        "--port <port=port>",
        "of Gateways, and where it listens for it, as 80=8080; may be repeated",
      ).argParser(gatewayPort("--port")),
    )
    .addOption(new Option("--proxy <kind>", "what it is").choices(["heddle", "envoy"]).default("heddle"))
    .option("--address <ip>", "it listens on (default: the one that leads to the control plane)", address)
    .addOption(
      new Option("--drain-time <duration>", "for what is under way at the end")
        .argParser(duration("--drain-time", 0))
        .default(undefined, "as the mesh's terminationDrainDuration says, else 5s"),
    )
    .addOption(
      new Option("--control-plane <host:port>", "a remote one (default: the one that runs here)").argParser(
        hostPort("--control-plane"),
      ),
    )
    .addOption(new Option("--token <token>", "join token, for a remote control plane").env("HEDDLE_TOKEN"))
    .option("--status-port <port>", "health and metrics, 0 for any free one", port("--status-port", "free"))
    .option("--admin-port <port>", "admin interface of the proxy, 0 for any free one", port("--admin-port", "free"));
  command.addOption(stateOption());
  command.addHelpText("after", "\nExample: heddle gateway --port 80=8080 --port 443=8443");
}
