// `npm run soak [-- --minutes N --seed N --json]`: a mesh under mixed load, while everything about it changes; then the account.

import { EXIT, Failure } from "../../src/base/failure.ts";
import { readArguments } from "./arguments.ts";
import { formatReport } from "./report.ts";
import { soak } from "./soak.ts";

const SECONDS = 60;
const ANY_SEED = 1_000_000;

async function main(args: readonly string[]): Promise<number> {
  const { minutes, seed, json } = readArguments(args, 1 + Math.floor(Math.random() * ANY_SEED));
  if (process.platform !== "linux") throw new Failure("a soak needs Linux: memory and descriptors are read from /proc");
  const report = await soak({ seconds: minutes * SECONDS, seed });
  process.stdout.write(`${json ? JSON.stringify(report, null, 2) : formatReport(report)}\n`);
  return report.findings.length === 0 ? EXIT.ok : EXIT.failure;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (thrown) {
  const { message, hint, exit } = Failure.from(thrown);
  process.stderr.write(`error: ${message}\n${hint ? `hint: ${hint}\n` : ""}`);
  process.exit(exit);
}
