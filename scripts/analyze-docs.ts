// Writes the tables of codes into docs/analyze.md, between their marks. `--check` compares instead.

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ACCEPTED } from "../src/analyze/accepted.ts";
import { JUDGES } from "../src/analyze/brought.ts";
import { CODES } from "../src/analyze/code.ts";
import type { CodeInfo } from "../src/analyze/code-info.ts";
import { NOT_COVERED } from "../src/analyze/codes/not-covered.ts";
import { ANALYZERS } from "../src/analyze/registry.ts";

const PAGE = join(dirname(import.meta.dir), "docs/analyze.md");
const LEVELS = { error: "Error", warning: "Warning", info: "Info" } as const;

/** Errors of the dialects' own reading carry these. */
const OF_DIALECTS = ["IST0106", "IST0122"];

const alone = new Set(ANALYZERS.filter(({ scope }) => scope === "object").flatMap(({ codes }) => codes as string[]));

/** Errors beside what is there. */
const beside = new Set(JUDGES.flatMap(({ codes }) => codes as readonly string[]));

function refused(code: string, { level }: CodeInfo): string {
  if (OF_DIALECTS.includes(code) || (level === "error" && alone.has(code))) return "yes";
  if (level !== "error") return "";
  const accepted = ACCEPTED[code];
  if (accepted !== undefined) return `no: ${accepted}`;
  if (!beside.has(code)) throw new Error(`${code} is an Error that no write is judged by, and nothing says why`);
  return "beside what is there";
}

function coveredTable(): string {
  const rows = Object.entries<CodeInfo>(CODES)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, info]) => {
      const about = info.differs ? `${info.about} (${info.differs})` : info.about;
      const also = (info.also ?? []).join(", ");
      return `| ${code} | ${info.name} | ${LEVELS[info.level]} | ${refused(code, info)} | ${also} | ${about} |`;
    });
  return ["| code | name | level | refuses the write | also | what |", "|---|---|---|---|---|---|", ...rows].join("\n");
}

function missingTable(): string {
  const sorted = [...NOT_COVERED].sort((a, b) => (a.code < b.code ? -1 : 1));
  const rows = sorted.map(({ code, name, reason }) => `| ${code} | ${name} | ${reason} |`);
  return ["| code | name | why not |", "|---|---|---|", ...rows].join("\n");
}

function between(text: string, mark: string, table: string): string {
  const [from, to] = [`<!-- ${mark} -->\n`, `<!-- /${mark} -->`];
  const start = text.indexOf(from);
  const end = text.indexOf(to);
  if (start === -1 || end < start) throw new Error(`docs/analyze.md has no marks ${mark}`);
  return `${text.slice(0, start)}${from}\n${table}\n\n${text.slice(end)}`;
}

const before = readFileSync(PAGE, "utf8");
const after = between(between(before, "covered", coveredTable()), "not covered", missingTable());
if (!process.argv.includes("--check")) writeFileSync(PAGE, after);
else if (before !== after) {
  console.error("docs/analyze.md is not what the catalogue says: npm run generate");
  process.exit(1);
}
