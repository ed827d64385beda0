/** How the scripted helper answers the screens of administration: looks at joins, joins, settings. Nothing of it reaches a real one. */
import { type AffiliationSettings, type Args, HelperError, type JoinPreview } from "#contract";

/** What stands in the way of joining in a scripted scene. */
export type JoinTrouble = "clash" | "ownClash" | "joined";

/** The preview that a helper would give for these arguments. Text that is no configuration is refused as by a helper. */
export function scriptedPreview(args: Args<"join">, trouble: JoinTrouble | undefined): JoinPreview {
  const read = args.kind === "open" ? openJoin(args) : configJoin(args);
  return {
    security: "open",
    subnet: "172.16.0.0/16",
    alreadyJoined: trouble === "joined",
    clash:
      trouble === "clash"
        ? { ours: "172.16.0.0/16", other: "172.16.4.0/24", owner: "virbr1", affiliation: null }
        : trouble === "ownClash"
          ? { ours: "172.16.0.0/16", other: "172.16.1.5/16", owner: "tap0", affiliation: "condor wow" }
          : null,
    ...read,
  };
}

type Read = Pick<JoinPreview, "affiliation" | "virtualIp" | "interface" | "transport" | "startAddresses" | "warnings">;

function openJoin({ affiliation, startAddresses }: Extract<Args<"join">, { kind: "open" }>): Read {
  return {
    affiliation: affiliation.trim(),
    virtualIp: null,
    interface: "tap0",
    transport: "auto",
    startAddresses,
    warnings: [],
  };
}

function configJoin({ fileName, text }: Extract<Args<"join">, { kind: "config" }>): Read {
  const lines = text.split(/\r?\n/);
  const name = lines[lines.indexOf("#affiliation") + 1];
  if (!lines.includes("#affiliation") || name === undefined || name === "") {
    throw new HelperError(
      "BAD_CONFIG",
      `${fileName}, line ${lines.length}: the file ends without #affiliation.`,
      "Write #affiliation and below it the name of the group.",
    );
  }
  return {
    affiliation: name,
    virtualIp: "172.16.1.5",
    interface: "tap0",
    transport: "udp",
    startAddresses: lines.filter((line) => line.startsWith("brunet.")).map((line) => line.replace("brunet", "ringway")),
    warnings: text.includes("CB:DF:E7:20:60:35")
      ? [
          {
            code: "MAC_GROUP_BIT",
            text: `${fileName}, line 18: the MAC address CB:DF:E7:20:60:35 has the group bit set, which an interface cannot have; CA:DF:E7:20:60:35 is used.`,
            remedy: "Write CA:DF:E7:20:60:35 into the file, or leave the MAC address out.",
          },
        ]
      : [],
  };
}

export const scriptedSettings: AffiliationSettings = {
  affiliation: "condor wow",
  interfaceName: "tap0",
  virtualIp: null,
  mtuBytes: 1332,
  transport: "auto",
  port: null,
  shortcuts: 256,
  relay: true,
  startAddresses: ["ringway.udp://planetlab-01.bu.edu:15000", "ringway.udp://planetlab1.cs.purdue.edu:15000"],
  name: null,
  site: null,
};

/** The settings after a change; the MTU is checked as a helper does, so that a refusal can be seen. */
export function changedSettings(before: AffiliationSettings, { change }: Args<"configure">): AffiliationSettings {
  const { mtuBytes } = change;
  if (typeof mtuBytes === "number" && (mtuBytes < 1280 || mtuBytes > 1436)) {
    throw new HelperError(
      "BAD_ARGUMENT",
      `An MTU of ${mtuBytes} is not possible.`,
      "Write a number from 1280 to 1436, or leave it out.",
    );
  }
  if (change.port === 80) {
    throw new HelperError("PORT_IN_USE", "UDP port 80 belongs to another program.", "Choose another port.");
  }
  return {
    ...before,
    ...change,
    mtuBytes: mtuBytes === null ? 1332 : (mtuBytes ?? before.mtuBytes),
    shortcuts: change.shortcuts === null ? 256 : (change.shortcuts ?? before.shortcuts),
  };
}
