// Errors that do not refuse the write which brings them, and why. Every other one does.

const MAY_COME_NEXT = "what it names may come next: objects are applied in any order";

/** By code, of the catalogue or of the model. */
export const ACCEPTED: Readonly<Record<string, string>> = {
  IST0001: "a defect of Heddle stops nobody's writes",
  IST0101: MAY_COME_NEXT,
  IST0149: "the RequestAuthentication may come next: until then the routes match nothing",
  IST0173: "the workloads may start next",
  KIA0005: MAY_COME_NEXT,
  KIA0104: MAY_COME_NEXT,
  KIA0106: MAY_COME_NEXT,
  HED2001: MAY_COME_NEXT,
  HED2002: MAY_COME_NEXT,
  HED2003: "the port may come next, by a change of the service",
  HED2031: "the mesh's settings may name the authorizer next: until then everything is refused",
};

export function refuses({ code, severity }: { readonly code: string; readonly severity: string }): boolean {
  return severity === "error" && !Object.hasOwn(ACCEPTED, code);
}
