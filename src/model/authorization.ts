// Who may do what on a workload. Meshes ask in different orders and end in different defaults (Istio: delegate, log, deny, allow; Linkerd:
// allow alone; Consul: first match of one list), so a policy says at which stage it is asked and what its stage does with whom it does not know.

import type { Authored } from "./origin.ts";
import type { WorkloadScope } from "./workload-scope.ts";

export type AuthorizationEffect =
  /** Who matches goes on to the next stage. */
  | { readonly kind: "allow" }
  /** Who matches is refused. */
  | { readonly kind: "deny" }
  /** Who matches is marked for the access log, and goes on like everybody. */
  | { readonly kind: "log" }
  /** An authorizer of the mesh's settings is asked about who matches. */
  | { readonly kind: "delegate"; readonly authorizer: string };

/** One step in the judgement of a request. The policies of equal stages are joined: a match of any rule of theirs is one. */
export interface AuthorizationStage {
  /** Stages are asked in ascending order. */
  readonly order: number;
  readonly effect: AuthorizationEffect;
  /** What becomes of whom no rule of the stage matches: on to the next one, or refused. After the last stage everybody is let in. */
  readonly otherwise: "continue" | "deny";
}

/** `present`: any value but an empty one. Regular expressions are RE2 and must match the whole value. */
export type TextMatch =
  | { readonly kind: "exact" | "prefix" | "suffix"; readonly value: string; readonly ignoreCase?: true | undefined }
  | { readonly kind: "regex"; readonly value: string }
  | { readonly kind: "present" };

/** `all` of nothing holds for everybody, `some` of nothing for nobody. */
export type Condition<Leaf> =
  | { readonly kind: "all" | "some"; readonly conditions: readonly Condition<Leaf>[] }
  | { readonly kind: "not"; readonly condition: Condition<Leaf> }
  | Leaf;

/** Who asks. */
export type SubjectLeaf =
  /** A name in the certificate that the peer proved to own, whole: `spiffe://…`. */
  | { readonly kind: "identity"; readonly match: TextMatch }
  /** `peer`: at the other end of the connection; `client`: whom the proxies before it name. CIDR. */
  | { readonly kind: "address"; readonly of: "peer" | "client"; readonly range: string }
  | { readonly kind: "header"; readonly name: string; readonly match: TextMatch }
  /** Of the verified token: a string, or one of a list of strings. */
  | { readonly kind: "claim"; readonly path: readonly string[]; readonly match: TextMatch };

/** What is asked for. */
export type OperationLeaf =
  | { readonly kind: "host" | "method" | "path" | "server-name"; readonly match: TextMatch }
  /** The application's port. */
  | { readonly kind: "port"; readonly number: number }
  | { readonly kind: "destination"; readonly range: string }
  /** What a filter said of the request. `element`: it is a list with such a member. */
  | {
      readonly kind: "metadata";
      readonly filter: string;
      readonly key: string;
      readonly element: boolean;
      readonly match: TextMatch;
    };

export type SubjectCondition = Condition<SubjectLeaf>;
export type OperationCondition = Condition<OperationLeaf>;

/** Both must hold. */
export interface AuthorizationRule {
  readonly subject: SubjectCondition;
  readonly operation: OperationCondition;
}

export interface AuthorizationPolicy extends Authored {
  readonly scope: WorkloadScope;
  readonly stage: AuthorizationStage;
  readonly rules: readonly AuthorizationRule[];
  /** Decided, counted and logged, without effect. */
  readonly dryRun: boolean;
}

/** A stage as a workload has it: enforced policies and those on trial, each sorted. */
export interface StageOfWorkload extends AuthorizationStage {
  readonly enforced: readonly AuthorizationPolicy[];
  readonly trial: readonly AuthorizationPolicy[];
}

/** Stages in the order they are asked. */
export function stagesOf(policies: readonly AuthorizationPolicy[]): readonly StageOfWorkload[] {
  const stages = new Map<string, { stage: AuthorizationStage; members: AuthorizationPolicy[] }>();
  for (const policy of policies) {
    const key = JSON.stringify([policy.stage.order, policy.stage.effect, policy.stage.otherwise]);
    const known = stages.get(key);
    if (known) known.members.push(policy);
    else stages.set(key, { stage: policy.stage, members: [policy] });
  }
  return [...stages.values()]
    .sort((a, b) => a.stage.order - b.stage.order)
    .map(({ stage, members }) => ({
      ...stage,
      enforced: members.filter(({ dryRun }) => !dryRun),
      trial: members.filter(({ dryRun }) => dryRun),
    }));
}
