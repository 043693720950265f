// `heddle schema [KIND]`: JSON schemas for editors, and the definitions for a cluster, from the tables that objects are read by.

import { Argument, type Command, Option } from "commander";
import { stringify } from "yaml";
import { EXIT, Failure } from "../base/failure.ts";
import { definition } from "../reference/definition.ts";
import { jsonSchema, jsonSchemaOfAll, jsonSchemaOfSettings } from "../reference/json-schema.ts";
import { REFERENCE_KINDS, type ReferenceKind } from "../reference/kinds.ts";
import { kindNamed } from "./kinds.ts";
import { print } from "./terminal.ts";

interface SchemaOptions {
  readonly crd?: true;
  readonly output?: "json" | "yaml";
}

const HELP = `
Without a kind the schema is of all of them and looks at apiVersion and kind; objects of other kinds pass.
Examples: heddle schema > heddle.json           then, in an editor with yaml-language-server, at the top of a file:
                                                # yaml-language-server: $schema=heddle.json
          heddle schema virtualservice -o yaml
          heddle schema --crd | kubectl apply --server-side -f -`;

/** No kind of its own: it stands in a file, or in a ConfigMap as text. */
const SETTINGS = "meshconfig";

const KINDS = [...REFERENCE_KINDS.map(({ type }) => type.singular), SETTINGS];

export function define(command: Command): void {
  command
    .addArgument(
      Object.assign(new Argument("[kind]", "by any of its names: vs, virtualservices, …"), { argChoices: KINDS }),
    )
    .option("--crd", "the CustomResourceDefinition, for a cluster's API server")
    .addOption(new Option("-o, --output <form>", "(default: json, of definitions yaml)").choices(["json", "yaml"]))
    .addHelpText("after", HELP)
    .action((kind: string | undefined, options: SchemaOptions) => print(schemaText(kind, options)));
}

function schemaText(kind: string | undefined, options: SchemaOptions): string {
  const { crd, output = crd ? "yaml" : "json" } = options;
  if (kind?.toLowerCase() === SETTINGS) {
    if (!crd) return written([jsonSchemaOfSettings()], output);
    throw new Failure("the mesh's settings are no object of a cluster, and have no definition", {
      hint: `heddle schema ${SETTINGS}`,
      exit: EXIT.usage,
    });
  }
  const kinds = kind === undefined ? REFERENCE_KINDS : [kindOf(kind)];
  const documents = crd ? kinds.map(definition) : [kind === undefined ? jsonSchemaOfAll(kinds) : jsonSchema(kinds[0]!)];
  return written(documents, output);
}

function written(documents: readonly object[], output: "json" | "yaml"): string {
  const [first] = documents;
  const asYaml = (one: object) => stringify(one, { lineWidth: 0, aliasDuplicateObjects: false });
  if (output === "yaml") return documents.map(asYaml).join("---\n").trimEnd();
  const all = documents.length === 1 ? first : { apiVersion: "v1", kind: "List", items: documents };
  return JSON.stringify(all, undefined, 2);
}

/** Throws a Failure for kinds that are Kubernetes' own. */
function kindOf(name: string): ReferenceKind {
  const type = kindNamed(name, KINDS);
  const found = REFERENCE_KINDS.find((kind) => kind.type === type);
  if (found) return found;
  throw new Failure(`${type.kind} is one of Kubernetes' own kinds, which has its schema`, {
    hint: `one of ${KINDS.join(", ")}`,
    exit: EXIT.usage,
  });
}
