// A machine within the machine, for tests of what changes a machine's network: namespaces of network, mounts and processes, which end
// together. Beyond an uplink stands another host, which knows nothing of captured networks.

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Addresses for documentation (RFC 5737); the first nameserver is one that nobody answers at. */
export const OTHER_HOST = "198.51.100.2";
export const MACHINE_ADDRESS = "198.51.100.1";
const DEAD_RESOLVER = "198.51.100.3";
export const OTHER_HOST_NAMESPACE = "other-host";

const BOUND_MS = 240_000;

const SETUP = `
set -e
mkdir -p /run/netns /run/heddle /etc/netns
for folder in /run/netns /run/heddle /etc/netns; do mount -t tmpfs none "$folder"; done
mount --bind "$1/resolv.conf" /etc/resolv.conf
ip link set lo up
ip netns add ${OTHER_HOST_NAMESPACE}
ip link add uplink type veth peer name eth0 netns ${OTHER_HOST_NAMESPACE}
ip address add ${MACHINE_ADDRESS}/24 dev uplink
ip link set uplink up
ip route add default via ${OTHER_HOST}
ip -netns ${OTHER_HOST_NAMESPACE} link set lo up
ip -netns ${OTHER_HOST_NAMESPACE} address add ${OTHER_HOST}/24 dev eth0
ip -netns ${OTHER_HOST_NAMESPACE} address add ${DEAD_RESOLVER}/24 dev eth0
ip -netns ${OTHER_HOST_NAMESPACE} link set eth0 up
echo 0 > /proc/sys/net/ipv4/ip_forward
shift
exec "$@"
`;

/** Resolves when it serves. */
export async function startOtherHost(): Promise<Bun.Subprocess> {
  const program = [process.execPath, join(import.meta.dir, "other-host.ts")];
  const child = Bun.spawn(["ip", "netns", "exec", OTHER_HOST_NAMESPACE, ...program], { stdout: "pipe" });
  for await (const chunk of child.stdout) if (Buffer.from(chunk).toString().includes("ready")) return child;
  throw new Error("the other host ended");
}

interface Outcome {
  readonly name: string;
  readonly result: "passed" | "skipped" | { readonly failure: string };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code, name) =>
    code ? String.fromCodePoint(Number(code)) : (ENTITIES[name] ?? whole),
  );
}

/** Bun's own JUnit report, as far as it is needed. */
function outcomesOf(report: string): readonly Outcome[] {
  return [...report.matchAll(/<testcase name="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)].map(
    ([, name = "", group = "", inside = ""]) => {
      const failure = /<failure[^>]*>([\s\S]*?)<\/failure>|<failure[^>]*message="([^"]*)"/.exec(inside);
      const result = failure
        ? { failure: unescapeXml(failure[1] ?? failure[2] ?? "") }
        : inside.includes("<skipped")
          ? "skipped"
          : "passed";
      return { name: unescapeXml(group === "" ? name : `${group} > ${name}`), result };
    },
  );
}

async function runThere(
  cases: readonly string[],
): Promise<{ readonly outcomes: readonly Outcome[]; readonly output: string }> {
  const folder = mkdtempSync(join(tmpdir(), "heddle-machine-"));
  const report = join(folder, "report.xml");
  try {
    writeFileSync(
      join(folder, "resolv.conf"),
      `nameserver ${DEAD_RESOLVER}\nnameserver ${OTHER_HOST}\nsearch office.example\n`,
    );
    const namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const run = [process.execPath, "test", ...cases, "--reporter=junit", `--reporter-outfile=${report}`];
    const child = Bun.spawn([...namespaces, "sh", "-c", SETUP, "sh", folder, ...run], {
      stdout: "pipe",
      stderr: "pipe",
      timeout: BOUND_MS,
      killSignal: "SIGKILL",
    });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    const code = await child.exited;
    const output = `${stdout}${stderr}`;
    const outcomes = await Bun.file(report)
      .exists()
      .then((there) => (there ? outcomesOf(readFileSync(report, "utf8")) : []));
    const failed = outcomes.some(({ result }) => typeof result === "object");
    if (code !== 0 && !failed)
      return { outcomes: [...outcomes, { name: "end", result: { failure: `exit ${code}\n${output}` } }], output };
    return { outcomes, output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs files of cases on a machine of their own, and reports each case here. `missing`: why it cannot. */
export async function reportFromOwnMachine(
  name: string,
  cases: readonly string[],
  missing: readonly string[],
): Promise<void> {
  if (missing.length > 0) {
    test.skip(`${name} (needs ${missing.join(", ")})`, () => {});
    return;
  }
  const { outcomes, output } = await runThere(cases);
  test(`${name}: there are cases`, () => expect(outcomes.length, output).toBeGreaterThan(0));
  for (const outcome of outcomes) {
    if (outcome.result === "skipped") test.skip(outcome.name, () => {});
    else
      test(outcome.name, () => {
        if (typeof outcome.result === "object") throw new Error(outcome.result.failure);
      });
  }
}
