// One thing that is wrong with one field of an object, in the words of Kubernetes' field errors, which kubectl shows as they are.
// https://pkg.go.dev/k8s.io/apimachinery/pkg/util/validation/field

/** `reason` is the cause type that clients match on; `field` a path as in `spec.http[0].route[1].weight`. */
export interface FieldError {
  readonly reason:
    | "FieldValueRequired"
    | "FieldValueInvalid"
    | "FieldValueTypeInvalid"
    | "FieldValueNotSupported"
    | "FieldValueForbidden"
    | "FieldValueDuplicate"
    | "FieldValueTooLong"
    | "FieldValueTooMany";
  readonly field: string;
  /** What is wrong with it, value included, without the field. */
  readonly message: string;
}

/** A value as the message shows it; a long one is cut, for it may be a whole document. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** A field that must be there. */
export function required(field: string, detail = ""): FieldError {
  return {
    reason: "FieldValueRequired",
    field,
    message: detail === "" ? "Required value" : `Required value: ${detail}`,
  };
}

/** A value that is wrong; `detail` says what would be right. */
export function invalid(field: string, value: unknown, detail: string): FieldError {
  return { reason: "FieldValueInvalid", field, message: `Invalid value: ${shown(value)}: ${detail}` };
}

/** A value of the wrong JSON type; the message names the type found, as Kubernetes does for custom resources. */
export function wrongType(field: string, found: string, wanted: string): FieldError {
  const message = `Invalid value: ${JSON.stringify(found)}: ${field} in body must be of type ${wanted}: ${JSON.stringify(found)}`;
  return { reason: "FieldValueTypeInvalid", field, message };
}

/** A value that is none of those that exist. */
export function notSupported(field: string, value: unknown, supported: readonly unknown[]): FieldError {
  const values = supported.map((item) => JSON.stringify(item)).join(", ");
  return {
    reason: "FieldValueNotSupported",
    field,
    message: `Unsupported value: ${shown(value)}: supported values: ${values}`,
  };
}

/** A change that is not allowed. */
export function forbidden(field: string, detail: string): FieldError {
  return { reason: "FieldValueForbidden", field, message: `Forbidden: ${detail}` };
}

/** A value that stands there twice. */
export function duplicate(field: string, value: unknown): FieldError {
  return { reason: "FieldValueDuplicate", field, message: `Duplicate value: ${shown(value)}` };
}

/** A text above its limit in bytes. */
export function tooLong(field: string, maximum: number): FieldError {
  return { reason: "FieldValueTooLong", field, message: `Too long: may not be more than ${maximum} bytes` };
}

/** A list above its limit in items. */
export function tooMany(field: string, count: number, maximum: number): FieldError {
  return { reason: "FieldValueTooMany", field, message: `Too many: ${count}: must have at most ${maximum} items` };
}
