// PATCH by media type: which kind of patch the body is, and what it does to the stored object.

import { forbidden, required } from "../../field-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import { badRequest, failure, invalidOptions } from "../../status.ts";
import { mediaTypeOf, readBody, requireObject } from "../body.ts";
import type { ApiContext } from "../context.ts";
import type { Target, WriteOptions } from "../request.ts";
import { applying, type Propose, patching } from "../write.ts";
import { applyJsonPatch, type Patched } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { applyStrategicMerge } from "./strategic-merge.ts";

const JSON_PATCH = "application/json-patch+json";
const MERGE_PATCH = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const APPLY = "application/apply-patch+yaml";

/** Custom resources have no merge keys, so Kubernetes refuses strategic merge patches of them; clients then send a merge patch. */
function acceptedFor({ type }: Target): readonly string[] {
  return type.builtIn ? [JSON_PATCH, MERGE_PATCH, STRATEGIC, APPLY] : [JSON_PATCH, MERGE_PATCH, APPLY];
}

function result(patched: Patched): Json {
  if (patched.kind === "error") throw failure(422, "Invalid", `the patch cannot be applied: ${patched.message}`);
  if (!isJsonObject(patched.value)) throw failure(422, "Invalid", "the patch does not leave an object");
  return patched.value;
}

/** How the body of this PATCH changes the stored object. Server-side apply creates what does not exist. */
export async function readPatch(
  request: Request,
  context: ApiContext,
  target: Target,
  options: WriteOptions,
): Promise<Propose> {
  const mediaType = mediaTypeOf(request);
  const body = await readBody(request, acceptedFor(target));
  const duplicates = body?.duplicates ?? [];
  const isApply = mediaType === APPLY;
  if (isApply && options.fieldManager === "") {
    throw invalidOptions("PatchOptions", required("fieldManager", "is required for apply patch"));
  }
  if (options.force && !isApply) {
    throw invalidOptions("PatchOptions", forbidden("force", "may not be specified for non-apply patch"));
  }
  if (mediaType === JSON_PATCH) {
    if (!body) throw badRequest("the request has no body: a JSON patch is needed");
    const operations = body.value;
    return patching(target, (current) => result(applyJsonPatch(current, operations)), duplicates);
  }
  const patch = requireObject(body);
  if (isApply) return applying(context, target, patch, options, duplicates);
  const schema = context.schemas.of(target.type);
  const change =
    mediaType === MERGE_PATCH
      ? (current: JsonObject) => applyMergePatch(current, patch)
      : (current: JsonObject) => result(applyStrategicMerge(current, patch, schema));
  return patching(target, change, duplicates);
}
