/** All screens of the window, in the order of the sidebar. A screen that is not here has no entry there. */
import { Activity, House, List, Settings, Users } from "lucide-react";
import { AffiliationsBadge, AffiliationsScreen } from "./features/affiliations/affiliations-screen.tsx";
import { DiagnosticsScreen } from "./features/diagnostics/diagnostics-screen.tsx";
import { OverviewScreen } from "./features/overview/overview-screen.tsx";
import { PeersBadge, PeersFacts, PeersScreen } from "./features/peers/peers-screen.tsx";
import { RingFacts, RingScreen } from "./features/ring-map/ring-screen.tsx";
import { SettingsScreen } from "./features/settings/settings-screen.tsx";
import { RingIcon } from "./shell/ring-icon.tsx";
import type { ScreenSpec } from "./shell/screen.tsx";

export const screens: readonly ScreenSpec[] = [
  { id: "overview", title: "nav.overview", icon: House, letter: "o", group: 1, Screen: OverviewScreen },
  {
    id: "ring",
    title: "nav.ring",
    icon: RingIcon,
    letter: "r",
    group: 1,
    inspector: true,
    fills: true,
    Screen: RingScreen,
    Facts: RingFacts,
  },
  {
    id: "peers",
    title: "nav.peers",
    icon: List,
    letter: "p",
    group: 1,
    inspector: true,
    fills: true,
    Screen: PeersScreen,
    Facts: PeersFacts,
    Badge: PeersBadge,
  },
  {
    id: "diagnostics",
    title: "nav.diagnostics",
    icon: Activity,
    letter: "d",
    group: 1,
    always: true,
    Screen: DiagnosticsScreen,
  },
  {
    id: "affiliations",
    title: "nav.affiliations",
    icon: Users,
    letter: "a",
    group: 2,
    Screen: AffiliationsScreen,
    Badge: AffiliationsBadge,
  },
  {
    id: "settings",
    title: "nav.settings",
    icon: Settings,
    letter: "s",
    group: 2,
    always: true,
    Screen: SettingsScreen,
  },
];
