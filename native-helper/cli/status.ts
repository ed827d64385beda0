/** `ringway status`: the helper and its affiliations. */
import type { AffiliationView, StatusView } from "#contract";
import { type CommandContext, print, withHelper } from "./command.ts";
import { duration, linksLine, natWords, securityWords } from "./text.ts";

export function registerStatus(context: CommandContext): void {
  context.program
    .command("status")
    .description("the helper, and each affiliation with its state, interface, addresses and links")
    .action(async () => {
      await withHelper(context, async (helper) => {
        const status = await helper.status({});
        print(context, status, statusText(status));
      });
    });
}

export function statusText({ version, helper, affiliations, warnings }: StatusView): string {
  const port = helper.port === null ? "no socket yet" : `UDP port ${helper.port}`;
  const lines = [`Ringway ${version}, helper ${helper.pid} for ${duration(helper.uptimeS)}, ${port}`];
  for (const { text, remedy } of warnings) lines.push(`  warning: ${text} ${remedy}`);
  if (affiliations.length === 0) lines.push("No affiliation joined yet. Join one with: ringway join.");
  return [...lines, ...affiliations.flatMap(affiliationLines)].join("\n");
}

function affiliationLines(view: AffiliationView): string[] {
  const { interface: virtual } = view;
  const up = virtual.state === "up";
  const lines = [
    "",
    `${view.name} (${securityWords[view.security]})`,
    `  state      ${view.state}${view.reason === null ? "" : `: ${view.reason}`}`,
    `  interface  ${virtual.name} ${virtual.state}${up ? `, MTU ${virtual.mtuBytes}` : whyDown(view)}`,
    `  virtual IP ${view.virtualIp ?? "none yet"} in ${view.subnet}${leaseWords(view)}`,
    `  ring       ${view.ringAddress}, about ${Math.max(1, Math.round(view.sizeEstimate))} members, ${view.peersKnown} known`,
    `  links      ${linksLine(view)}`,
    `  network    ${natWords[view.natKind]}${listed(", seen as ", view.learnedTransportAddresses)}`,
  ];
  if (view.state !== "connected") lines.push(`  starts at  ${view.startTransportAddresses.join(", ") || "no address"}`);
  for (const { text, remedy } of view.warnings) lines.push(`  warning: ${text} ${remedy}`);
  return lines;
}

function whyDown({ interfaceWanted, virtualIp, state }: AffiliationView): string {
  if (!interfaceWanted || state === "off") return "";
  return virtualIp === null ? ", until a virtual IP is leased" : ", although it is wanted";
}

/** When the lease ends unless it is renewed, which happens every quarter of an hour. */
function leaseWords({ lease }: AffiliationView): string {
  return lease === null ? "" : `, leased since ${lease.since} until ${lease.until}`;
}

function listed(intro: string, addresses: readonly string[]): string {
  return addresses.length > 0 ? intro + addresses.join(", ") : "";
}
