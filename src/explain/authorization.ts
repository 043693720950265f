// Who may: the filters of the chain that was chosen, in their order, as the proxy asks them. Tokens and authorizers, which Envoy alone has, are
// told from the model.

import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { CHOOSING_PREFIX } from "../compile/authorization/authorizer.ts";
import { JWT_FILTER, PAYLOAD_KEY } from "../compile/authorization/condition.ts";
import { type Source, wholeObject } from "../compile/provenance.ts";
import { featuresOf } from "../compile/proxy-features.ts";
import { authorizationOf, tokenIssuersOf } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import type { TokenIssuer } from "../model/request-authentication.ts";
import type { Workload } from "../model/workload.ts";
import { clientAddress } from "../table/client-address.ts";
import type { HttpTable } from "../table/http.ts";
import type { FilterChain } from "../table/listener.ts";
import { decideRbac, type RbacDecision, type RbacTable, type RequestContext } from "../table/rbac.ts";
import { type ConnectionFacts, headerOf, type RequestFacts } from "../table/request.ts";
import { NOTHING_FOUND } from "../table/route-match.ts";
import { arriving } from "./arriving-request.ts";
import type { AuthorizationFacts } from "./explanation.ts";
import { passedOn } from "./passed-token.ts";
import type { Reception } from "./reception.ts";
import type { Story } from "./story.ts";

/** What asks policies: enforced rules, and those that are on trial or choose whom an authorizer is asked about. */
interface Judge {
  readonly rules: RbacTable | undefined;
  readonly shadow: RbacTable | undefined;
  readonly shadowPrefix: string;
}

type Token =
  | { readonly kind: "verified"; readonly issuer: TokenIssuer; readonly claims: JsonObject }
  | { readonly kind: "refused"; readonly status: 401 | 403 };

/** Claims that Envoy makes lists of, whoever issued them (RFC 8693 section 4.2). */
const SPACE_DELIMITED = ["scope", "permission"];

const RULE = /^(?:.*-)?ns\[(?<namespace>[^\]]*)\]-policy\[(?<name>[^\]]*)\]-rule\[(?<rule>\d+)\]$/;

export class Authorization {
  readonly #workload: Workload;
  readonly #mesh: Mesh;
  /** Of the listener. */
  readonly #sources: readonly Source[];
  readonly #claims: JsonObject | undefined;
  readonly #story: Story;

  constructor(
    mesh: Mesh,
    workload: Workload,
    sources: readonly Source[],
    claims: JsonObject | undefined,
    story: Story,
  ) {
    this.#mesh = mesh;
    this.#workload = workload;
    this.#sources = sources;
    this.#claims = claims;
    this.#story = story;
  }

  /** `request` undefined: bytes. `arrived`: what the connection manager has made of it already. */
  judge(
    chain: FilterChain,
    connection: ConnectionFacts,
    request: RequestFacts | undefined,
    arrived?: RequestFacts,
  ): Reception {
    const { principal } = connection;
    const who = principal === "" ? "the client proves no identity" : `the client proves to be ${principal}`;
    this.#story.tell("authentication", who);
    if (chain.terminal.kind === "tcp" || !request) {
      const judges = chain.filters.filter((filter) => filter.kind === "rbac");
      const admitted = { found: NOTHING_FOUND, request: undefined };
      return this.#ask(judges, (table) => decideRbac(table, connection, undefined), admitted, undefined);
    }
    const { http } = chain.terminal;
    // On the leg requests travel as HTTP/2.
    const seen = arrived ?? arriving(request, http, connection, connection.serverName !== "");
    if (!seen) return { kind: "refused", status: 400, flags: [], authz: undefined };
    const token = this.#token(request);
    if (token?.kind === "refused") return { kind: "refused", status: token.status, flags: [], authz: undefined };
    const onward = arrived ?? request;
    const passed = token ? passedOn(onward, token.issuer, token.claims) : onward;
    const context = this.#context(request, http, connection, token?.claims);
    const judges = http.filters.flatMap(({ table }) => (table.kind === "rbac" ? [table] : []));
    return this.#ask(
      judges,
      (table) => decideRbac(table, connection, seen, context),
      { found: context, request: passed },
      403,
    );
  }

  #context(
    request: RequestFacts,
    http: HttpTable,
    connection: ConnectionFacts,
    token: JsonObject | undefined,
  ): RequestContext {
    const metadata = token ? { [JWT_FILTER]: { [PAYLOAD_KEY]: token } } : {};
    return {
      remoteAddress: clientAddress(request, http, connection),
      remotePort: connection.remotePort,
      metadata: (of) => (of === "dynamic" ? metadata : undefined),
    };
  }

  // ── tokens ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The claims that policies see; undefined: none. */
  #token({ headers }: RequestFacts): Token | undefined {
    const issuers = tokenIssuersOf(this.#mesh, this.#workload);
    const by = this.#tokenSource();
    // Who verified it before may have kept it.
    const claims = headerOf(headers, "authorization") === undefined ? undefined : this.#claims;
    if (issuers.length === 0) {
      if (claims) this.#story.tell("authentication", "no RequestAuthentication: the token is not looked at");
      return undefined;
    }
    if (!claims) {
      this.#story.tell("authentication", "the request brings no token, which no issuer forbids", by);
      return undefined;
    }
    if (!featuresOf(this.#workload.proxy?.kind ?? "heddle").verifiesTokens) {
      this.#story.tell("authentication", "Heddle's proxy cannot verify tokens, and refuses who sends one", by);
      return undefined;
    }
    return this.#verified(claims, issuers, by);
  }

  #verified(claims: JsonObject, issuers: readonly TokenIssuer[], by: Source | undefined): Token {
    const issuer =
      issuers.find((candidate) => candidate.issuer === claims.iss) ?? issuers.find(({ issuer: any }) => any === "");
    if (!issuer) {
      this.#story.tell("authentication", `nobody here believes issuer ${JSON.stringify(claims.iss ?? "")}: 401`, by);
      return { kind: "refused", status: 401 };
    }
    const audiences = valuesOf(claims.aud);
    if (issuer.audiences.length > 0 && !issuer.audiences.some((wanted) => audiences.includes(wanted))) {
      this.#story.tell("authentication", `the token is not for ${issuer.audiences.join(" or ")}: 403`, by);
      return { kind: "refused", status: 403 };
    }
    this.#story.tell("authentication", `the token of ${issuer.issuer || "any issuer"} is taken for valid`, by);
    const lists = new Set([...SPACE_DELIMITED, ...issuer.spaceDelimitedClaims]);
    const entries = Object.entries(claims).map(([name, value]) => [
      name,
      lists.has(name) && typeof value === "string" ? value.split(" ") : value,
    ]);
    return { kind: "verified", issuer, claims: Object.fromEntries(entries) as JsonObject };
  }

  #tokenSource(): Source | undefined {
    const [first] = this.#mesh.index.requestAuthentications.of(this.#workload);
    return first && wholeObject(first.origin);
  }

  // ── policies ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #ask(
    judges: readonly Judge[],
    decide: (table: RbacTable) => RbacDecision,
    admitted: Pick<Reception & { readonly kind: "served" }, "found" | "request">,
    status: number | undefined,
  ): Reception {
    let allowed: AuthorizationFacts = { decision: "allow", policy: undefined, rule: undefined };
    for (const { rules, shadow, shadowPrefix } of judges) {
      if (shadow) this.#tellShadow(shadow, decide(shadow), shadowPrefix);
      if (!rules) continue;
      const decision = decide(rules);
      const facts = factsOf(decision);
      if (!decision.allowed) {
        this.#tellRefusal(decision, rules);
        return { kind: "refused", status, flags: [], authz: facts };
      }
      if (decision.policy === undefined) continue;
      allowed = facts;
      this.#story.tell("authorization", `${ruleText(decision.policy)} lets it in`, this.#ruleSource(decision.policy));
    }
    if (allowed.policy === undefined) this.#story.tell("authorization", this.#unasked());
    return { kind: "served", authz: allowed, ...admitted };
  }

  #unasked(): string {
    const asked = authorizationOf(this.#mesh, this.#workload).length > 0;
    return asked ? "no policy refuses it, and none must let it in" : "no AuthorizationPolicy is for this workload";
  }

  #tellRefusal({ policy }: RbacDecision, rules: RbacTable): void {
    if (policy !== undefined) {
      const why = this.#delegates(policy) ? ", because its authorizer cannot be asked" : "";
      this.#story.tell("authorization", `${ruleText(policy)} refuses it${why}`, this.#ruleSource(policy));
      return;
    }
    const names = rules.kind === "rules" ? rules.policies.map(({ name }) => name) : [];
    const objects = [...new Set(names.map((name) => policyOf(name) ?? name))];
    const decision = `no rule of ${objects.join(", ") || "any ALLOW policy"} lets it in`;
    this.#story.tell("authorization", decision, this.#allowing(names[0]));
  }

  #delegates(name: string): boolean {
    const policy = policyOf(name);
    return authorizationOf(this.#mesh, this.#workload).some(
      ({ effect, enforced }) =>
        effect.kind === "delegate" && enforced.some(({ origin }) => `${origin.namespace}/${origin.name}` === policy),
    );
  }

  /** Whoever made it necessary to be let in: an ALLOW policy without rules has none to name. */
  #allowing(name: string | undefined): Source | undefined {
    if (name !== undefined) return this.#policySource(name);
    const stage = authorizationOf(this.#mesh, this.#workload).find(({ otherwise }) => otherwise === "deny");
    const [policy] = stage?.enforced ?? [];
    return policy && wholeObject(policy.origin);
  }

  #tellShadow(shadow: RbacTable, decision: RbacDecision, prefix: string): void {
    const by = decision.policy === undefined ? undefined : this.#ruleSource(decision.policy);
    if (prefix === CHOOSING_PREFIX) {
      if (decision.policy === undefined) return;
      const told = `${ruleText(decision.policy)} asks its authorizer, whose answer is taken for yes`;
      this.#story.tell("authorization", told, by);
      return;
    }
    const names = shadow.kind === "rules" ? shadow.policies.map(({ name }) => policyOf(name) ?? name) : [];
    const verdict = decision.allowed ? "would let it in" : "would refuse it";
    const who = decision.policy === undefined ? [...new Set(names)].join(", ") : ruleText(decision.policy);
    this.#story.tell("authorization", `on trial, without effect: ${who} ${verdict}`, by);
  }

  #ruleSource(name: string): Source | undefined {
    const source = this.#policySource(name);
    const rule = RULE.exec(name)?.groups?.rule;
    return source && rule !== undefined ? { origin: source.origin, path: `spec.rules[${rule}]` } : source;
  }

  #policySource(name: string): Source | undefined {
    const policy = policyOf(name);
    return policy === undefined
      ? this.#tokenSource()
      : this.#sources.find(
          ({ origin }) => origin.kind === "AuthorizationPolicy" && `${origin.namespace}/${origin.name}` === policy,
        );
  }
}

function valuesOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

/** `<namespace>/<name>`; undefined: the compiler's own, which refuses tokens. */
function policyOf(name: string): string | undefined {
  const groups = RULE.exec(name)?.groups;
  return groups && `${groups.namespace}/${groups.name}`;
}

function ruleText(name: string): string {
  const groups = RULE.exec(name)?.groups;
  return groups ? `rule ${groups.rule} of ${groups.namespace}/${groups.name}` : name;
}

function factsOf({ allowed, policy }: RbacDecision): AuthorizationFacts {
  const groups = policy === undefined ? undefined : RULE.exec(policy)?.groups;
  return {
    decision: allowed ? "allow" : "deny",
    policy: groups && `${groups.namespace}/${groups.name}`,
    rule: groups && Number(groups.rule),
  };
}
