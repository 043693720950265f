// `heddle dashboard`: where the pages are that a browser opens.

import { Argument, type Command } from "commander";
import { EXIT, Failure } from "../base/failure.ts";
import { stateOption } from "./api-client.ts";
import { dashboardOf, dashboardOption, fetchState, type MeshOptions } from "./mesh-status.ts";
import { adminDump, adminOf } from "./proxy-admin.ts";
import { readNote, stateFolder } from "./state-folder.ts";
import { print } from "./terminal.ts";

/** With istioctl's word for the admin interface of a proxy. */
const PAGES = ["mesh", "metrics", "proxy", "envoy"] as const;
type Page = (typeof PAGES)[number];

export function define(command: Command): void {
  command
    .addArgument(
      new Argument("[page]", "of the mesh, the control plane's metrics, a proxy").choices(PAGES).default("mesh"),
    )
    .argument("[workload]", "whose proxy: NAME, NAMESPACE/NAME or NAME.NAMESPACE of what was started on this machine")
    .addOption(dashboardOption())
    .addOption(stateOption())
    .addHelpText("after", "\nExample: heddle dashboard; heddle dashboard proxy web")
    .action(async (page: Page, workload: string | undefined, options: MeshOptions) =>
      print(await addressOf(page, workload, options)),
    );
}

/** Of a page that answers. */
async function addressOf(page: Page, workload: string | undefined, options: MeshOptions): Promise<string> {
  if (page === "proxy" || page === "envoy") return proxyAddress(workload, options);
  if (workload !== undefined)
    throw new Failure(`${page} is of no workload`, { hint: `heddle dashboard ${page}`, exit: EXIT.usage });
  await fetchState(options);
  if (page === "mesh") return dashboardOf(options);
  const metrics = readNote(stateFolder(options.state))?.metrics;
  if (metrics !== undefined) return metrics;
  throw new Failure("no control plane runs here", { hint: "--state FOLDER, of the one that runs" });
}

async function proxyAddress(workload: string | undefined, { state }: MeshOptions): Promise<string> {
  if (workload === undefined)
    throw new Failure("whose proxy?", { hint: "heddle dashboard proxy WORKLOAD", exit: EXIT.usage });
  const admin = adminOf(workload, state);
  if (admin.socket !== undefined)
    throw new Failure(`the admin interface of ${workload} is in the network of a captured program`, {
      hint: `curl --unix-socket ${admin.socket} http://${admin.address}/`,
    });
  await adminDump(admin); // another may have the port by now
  return `http://${admin.address}`;
}
