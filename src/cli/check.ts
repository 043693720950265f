// `heddle check`: what can be wrong with a mesh, looked at in the order in which one thing needs the other.

import { type Command, Option } from "commander";
import type { State } from "../admin/api.ts";
import { EXIT } from "../base/failure.ts";
import { type ApiOptions, apiOptions, openApi, serverOf } from "./api-client.ts";
import { type Category, type CheckResult, failed, passed, resultsOf, warned } from "./checks.ts";
import { checkConfiguration, checkDataPlane, checkIdentity } from "./mesh-checks.ts";
import { dashboardOption, fetchState, type MeshOptions } from "./mesh-status.ts";
import { checkState } from "./state-checks.ts";
import { stateFolder } from "./state-folder.ts";
import { print, type Style, styleOf } from "./terminal.ts";
import { VERSION } from "./version.ts";

interface CheckOptions extends ApiOptions, MeshOptions {
  readonly output: "text" | "json";
}

export function define(command: Command): void {
  command.addOption(new Option("-o, --output <form>").choices(["text", "json"]).default("text"));
  command.addOption(dashboardOption());
  for (const option of apiOptions()) command.addOption(option);
  command.addHelpText("after", "\n√ in order, ‼ a warning, × a fault. Exit code 79 when there is a fault.");
  command.action((options: CheckOptions) => check(options));
}

async function check(options: CheckOptions): Promise<void> {
  const { category: controlPlane, state } = await checkControlPlane(options);
  const categories: readonly Category[] = [
    { name: "state folder", checks: checkState(stateFolder(options.state)) },
    controlPlane,
    ...(state
      ? [
          { name: "identity", checks: checkIdentity(state, Date.now()) },
          { name: "proxies", checks: checkDataPlane(state, Date.now()) },
          { name: "configuration", checks: checkConfiguration(state) },
        ]
      : []),
  ];
  const { faults } = resultsOf(categories);
  const report = options.output === "json" ? json(categories) : text(categories, styleOf(process.stdout));
  await print(report);
  if (faults > 0) process.exitCode = EXIT.findings;
}

async function checkControlPlane(
  options: CheckOptions,
): Promise<{ readonly category: Category; readonly state: State | undefined }> {
  const api = await openApi(options).then(
    () => passed(`the Kubernetes API answers at ${serverOf(options)}`),
    (error) => failed("the Kubernetes API answers", error),
  );
  const state = await fetchState(options).catch((error: unknown) => error);
  const isState = (value: unknown): value is State => typeof value === "object" && value !== null && "mesh" in value;
  if (!isState(state)) {
    return {
      category: { name: "control plane", checks: [api, failed("the admin API answers", state)] },
      state: undefined,
    };
  }
  const { version } = state.mesh;
  const checks = [
    api,
    passed("the admin API answers"),
    version === VERSION
      ? passed(`control plane and command line are both ${version}`)
      : warned(`control plane is ${version}, command line ${VERSION}`, "use the same version of both"),
  ];
  return { category: { name: "control plane", checks }, state };
}

const MARKS = { passed: "√", warned: "‼", failed: "×" } as const;

function text(categories: readonly Category[], style: Style): string {
  const paint = { passed: style.green, warned: style.yellow, failed: style.red } as const;
  const lines: string[] = [];
  for (const { name, checks } of categories) {
    lines.push(style.bold(name), "-".repeat(name.length));
    for (const result of checks) {
      lines.push(`${paint[result.kind](MARKS[result.kind])} ${result.description}`);
      if (result.kind !== "passed" && result.hint !== undefined) lines.push(`    try: ${result.hint}`);
    }
    lines.push("");
  }
  const { faults, warnings } = resultsOf(categories);
  const summary =
    faults > 0 ? style.red(`${MARKS.failed} ${count(faults, "fault")}`) : style.green(`${MARKS.passed} no fault`);
  return [...lines, `${summary}, ${count(warnings, "warning")}`].join("\n");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function json(categories: readonly Category[]): string {
  const { faults } = resultsOf(categories);
  const shown = (result: CheckResult) => ({
    description: result.description,
    result: { passed: "success", warned: "warning", failed: "error" }[result.kind],
    ...(result.kind !== "passed" && result.hint !== undefined ? { hint: result.hint } : {}),
  });
  const shape = {
    success: faults === 0,
    categories: categories.map(({ name, checks }) => ({ categoryName: name, checks: checks.map(shown) })),
  };
  return JSON.stringify(shape, null, 2);
}
