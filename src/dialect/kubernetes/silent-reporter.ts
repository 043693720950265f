// For values of which nobody is told what is wrong with them, or somebody else tells it.

import type { SourceObject } from "../object.ts";
import { Reporter } from "../reporter.ts";

const NOBODY: SourceObject = {
  origin: { group: "", kind: "Pod", namespace: "", name: "" },
  key: "",
  version: "",
  createdAt: 0,
  labels: {},
  annotations: {},
  value: {},
};

export function silentReporter(): Reporter {
  return new Reporter(NOBODY);
}
