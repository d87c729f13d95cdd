import type { Messages } from "./zh";

export const en: Messages = {
  common: {
    add: "Add", edit: "Edit", remove: "Remove", removeTitle: "Remove?", removed: "Removed", save: "Save", cancel: "Cancel", close: "Close",
    refresh: "Refresh", more: "Load more", none: "Nothing here", find: "Find by code or name", name: "Name", code: "Code", created: "Created",
    online: "online", offline: "offline", enabled: "Enabled", disabled: "Disabled", automatic: "Automatic", unchanged: "unchanged", copy: "Copy", copied: "Copied",
    code20: "20 digits are needed", taken: "This code is in use already",
    ago: { s: "{n} s ago", m: "{n} min ago", h: "{n} h ago", d: "{n} d ago" },
    span: { s: "{n} s", m: "{n} min", h: "{n} h", d: "{n} d" },
  },
  shell: {
    language: "切换到中文", theme: "Dark / light", changePassword: "Change password", logOut: "Log out", oldPassword: "Present password", newPassword: "New password",
    passwordChanged: "The password was changed. Log in again.",
  },
  nav: { watch: "Live", devices: "Devices", uppers: "Upper platforms", rules: "Sharing rules", users: "Users", ledger: "Ledger", status: "Status" },
  role: { viewer: "Viewer", operator: "Operator", admin: "Administrator" },
  kind: {
    region: "Divisions", system: "Systems", group: "Business groups", org: "Virtual organisations", main_device: "Devices", channel: "Cameras", alarm: "Alarm", audio: "Audio",
    user: "Users", other: "Other",
  },
  transport: { udp: "UDP", tcp_passive: "TCP passive (this node listens)", tcp_active: "TCP active (this node connects)" },
  login: {
    title: "Log in", subtitle: "GB/T 28181 video platform", username: "User name", password: "Password", submit: "Log in",
    expired: "Your session has expired. Please log in again.", expiredBack: "Your session has expired. After logging in you are back where you were.", expiredForm: "Your session has expired. After logging in the open form is as you left it, but for passwords.", loggedOut: "You are logged out.",
  },
  setup: {
    title: "First set-up", subtitle: "This node has no account yet. Create its administrator with the one-time code.", code: "Set-up code",
    codeHint: "gbgateway run shows it in the terminal at the first start.", username: "Administrator's user name", password: "Password", again: "Password again", differs: "The two differ",
    submit: "Create administrator and log in",
  },
  tree: {
    search: "Find a camera by any character", peers: "Devices", regions: "Divisions", groups: "Groups", open: "Open", close: "Close",
    loading: "Reading…", failed: "Could not be read; click to try again", empty: "(empty)", nothing: "Nothing found", hits: "{n} found",
    counts: "{online} of {total} cameras online",
  },
  live: {
    layout: "{n} view", purpose: "Purpose", purposeHint: "entered in the ledger", snapshot: "Snapshot", snapshotDone: "Snapshot saved", trace: "Call trace",
    calling: "Calling the device…", loading: "Waiting for the picture…", retry: "Try again", awaited: "It is called again as soon as it is on line.", retryIn: "Try again (by itself in {s} s)", sound: "Sound", fullscreen: "Full screen",
    empty: "Click a camera in the catalogue", lag: "{s} s buffered", channel: "Channel", via: "from {id}",
    chooseAutomatic: "With the player on automatic it comes by MSE.", player: "Player", way: { automatic: "Automatic", webrtc: "WebRTC", mse: "MSE" },
    ways: { webrtc: "WebRTC (least delay)", mse: "MSE (MP4 fragments over HTTP)" },
    hindrance: {
      off: "This node has no WebRTC switched on.", browser: "This browser has no WebRTC.", codec: "The camera's codec cannot be played by WebRTC, which takes H.264 without B frames only.",
      refused: "Node and browser do not agree on WebRTC.", busy: "This node has no WebRTC viewer left.", unreachable: "The WebRTC address cannot be reached.",
      notConnected: "WebRTC did not connect within 5 s: a firewall may hold back the UDP media ports.", noPicture: "WebRTC connected, but no picture appeared.",
    },
    details: {
      title: "About the picture", way: "Player", codec: "Codec", size: "Resolution", sound: "Sound", withSound: "yes", noSound: "none in the stream", soundLeftOut: "left out: WebRTC carries G.711 only",
      rate: "Frame and bit rate", buffered: "Buffered", dropped: "Frames dropped", first: "First picture after",
    },
  },
  trace: { title: "Call trace", none: "No call to this channel is known. An offline device is not called.", time: "s", here: "this node", there: "the peer" },
  ptz: {
    title: "PTZ", up: "Up", down: "Down", left: "Left", right: "Right", up_left: "Up left", up_right: "Up right", down_left: "Down left", down_right: "Down right",
    zoom: "Zoom", zoom_in: "Zoom in", zoom_out: "Zoom out", focus: "Focus", focus_near: "Focus near", focus_far: "Focus far", iris: "Iris", iris_open: "Iris open", iris_close: "Iris close",
    speed: "Speed", preset: "Preset", preset_call: "Go to", preset_set: "Set", preset_delete: "Delete", preset_deleteAsk: "Delete preset {n}?",
    preset_callDone: "Moving to preset {n}", preset_setDone: "Preset {n} set", preset_deleteDone: "Preset {n} deleted", notAllowed: "Viewers cannot move cameras.",
    no_commands: "This camera speaks RTSP only: it takes no PTZ commands.", fixed: "A fixed camera, by the catalogue (PTZType 3): it does not turn.",
  },
  devices: {
    add: "Add device", editTitle: "Edit device", none: "No devices yet", state: "State", kind: "Kind", kinds: { device: "GB/T 28181 device", platform: "Lower platform", rtsp: "RTSP camera", onvif: "ONVIF camera" },
    kindHint: {
      device: "A camera or recorder that registers here by GB/T 28181.", platform: "Another platform that registers here by GB/T 28181.",
      rtsp: "A camera that speaks RTSP only: this node fetches its stream.", onvif: "A camera that speaks ONVIF: this node asks it, fetches its stream and moves it.",
    },
    nameAndCode: "Name and code", unstable: "unstable", unasked: "not asked yet", zone: "Network zone", zoneOfAddress: "By its address", maxSessions: "Streams at once", maxSessionsLearned: "learned from its refusals",
    address: "Address", neverSeen: "not registered", lastSeen: "Last contact", edition: "Edition", values: "Values", sync: "Sync", id: "Code (20 digits)", password: "Registration password",
    mediaTransport: "Media transport", transportDefault: "Default: {name}", charset: "Character set", tolerances: "Tolerances",
    tolerance: { media_source_any: "Media from any address (NAT)", ssrc_any: "Any SSRC", onvif_other_hosts: "Streams from another host", onvif_any_certificate: "Any TLS certificate" }, allowNoPassword: "May register without a password",
    removeAsk: "Remove \"{name}\" ({id})? Its channels leave the catalogue, and views that are running end.", syncStarted: "Reading the catalogue…", syncDone: "Catalogue read: {n} items.", syncProblem: "The catalogue could not be read completely: {problem}",
  },
  camera: {
    url: { rtsp: "RTSP address", onvif: "Address of its ONVIF service" }, address: "Address", channelId: "Channel code", channelIdOtherwise: "made from the device's code", transport: "Media over",
    alwaysOn: "Always on: keep its stream running without a viewer",
  },
  onvif: {
    search: "Search the network", searching: "Searching…", searchHint: "Looks for ONVIF cameras in the chosen zone, about 3 s.", foundNone: "No camera answered. It may be in another network or have discovery switched off; its address can be typed in.",
    added: "added as {id}", test: "Test", testHint: "Asks the camera, with the address, user and password above.", testNeedsPassword: "The stored password is not shown: type it again to test.", taken: "{profile} (taken by itself)", camera: "Maker and model", firmware: "Firmware", serial: "Serial number", sources: "Video sources", sourcesAndProfiles: "sources: {sources}, profiles: {profiles}",
    abilities: "Abilities", ability: { ptz: "PTZ", snapshot: "snapshot", events: "events" }, profile: "Media profile", bestProfile: "The best it has",
    clock: { ahead: "The camera's clock is {span} ahead of this node's: logins may fail, and times of recordings and events are wrong. Give it an NTP server.", behind: "The camera's clock is {span} behind this node's: logins may fail, and times of recordings and events are wrong. Give it an NTP server." },
  },
  health: {
    button: "Health", title: "Health of {name}", since: "since", registration: "Registration", until: "until", software: "Protocol and software", keepalive: "Keepalive interval", learned: "{n} s (learned from {samples})", configured: "{n} s (configured, not learned yet)",
    offlineAfter: "off line after {span} of silence", flaps: "Came and went", flapsOf: "{count} times in {span} (allowed: {allowed})", settles: "on line again if it stays until", clock: "Its clock", clockUnknown: "it never told the time",
    clockAhead: "{span} ahead of this node", clockBehind: "{span} behind this node", asked: "Last asked", offers: "Offers", sessions: "Streams at once", running: "{n}, limit not known", runningOf: "{n} of at most {limit}",
    limitBy: { manual: "set by hand", learned: "learned from its refusals" }, forgotten: "forgotten at", contacts: "Last ten contacts", noContacts: "No contact yet.", offline: "Times off line", neverOffline: "It never went off line.",
    contact: {
      answer: "answer {code} to a {what}", REGISTER: "registration", Keepalive: "keepalive", Catalog: "catalogue", DeviceInfo: "device information", DeviceStatus: "device status", Alarm: "alarm", RecordInfo: "list of recordings",
      MobilePosition: "position", MediaStatus: "media status", ConfigDownload: "configuration", PresetQuery: "presets", INVITE: "call", BYE: "hang-up", MESSAGE: "message", SUBSCRIBE: "subscription", NOTIFY: "notification", INFO: "playback control", ACK: "confirmation", OPTIONS: "inquiry",
    },
  },
  connect: {
    title: "Values for the device", intro: "Type these into the GB28181 page of \"{name}\".", serverId: "SIP server id", serverDomain: "SIP server domain",
    serverHost: "SIP server address", serverPort: "SIP server port", deviceId: "SIP user / device id", password: "Password", passwordGiven: "the registration password it was added with",
    passwordNone: "none needed", channelId: "Video channel id", channelHint: "an example: different for every channel, type 131 or 132", expires: "Registration validity (s)", keepalive: "Keepalive interval (s)", misses: "Keepalive misses",
    transport: "Signalling transport", transportHint: "TCP where packets are lost", version: "Protocol version", versionHint: "2016 will do as well", encryption: "Encryption of the stream", encryptionOff: "off",
  },
  uppers: {
    add: "Add upper platform", editTitle: "Edit upper platform", none: "No upper platforms yet",
    states: { registered: "registered", registering: "registering", waiting: "not registered", stopped: "stopped" }, address: "Registers at", rule: "Sharing rule", noRule: "nothing shared", situation: "Situation",
    keepalive: "keepalive {ago}, registered until {until}", steps: "Registration step by step", noSteps: "Nothing yet", theirForm: "What they enter for this lower platform", lowerId: "Lower platform id", ourAddress: "Our address",
    intervals: "Registration / keepalive", since: "In this state since", id: "Upper platform's code (20 digits)", host: "Address", port: "Port", transport: "Signalling", username: "User name", localId: "Our code there",
    expires: "Registration validity (s)", keepaliveSeconds: "Keepalive interval (s)", mediaTransport: "Media transport", sources: "Other source addresses", tolerance: { media_to_any_address: "Its media may go to any address", answer_from_elsewhere: "It may answer from its other addresses" }, sourcesHint: "Where its requests come from other addresses than the one registered at; separated by blanks.",
    removeAsk: "Remove the upper platform \"{name}\" ({id})? This node unregisters there.",
  },
  rules: {
    add: "Add sharing rule", editTitle: "Edit sharing rule", none: "No sharing rules yet", intro: "A sharing rule says which channels an upper platform sees and what it may do. Without a rule it sees nothing.",
    id: "Rule id", mode: "Scope", modes: { all: "All channels", subtree: "Subtrees", list: "Chosen channels" },
    modeHint: { all: "Including those to come.", subtree: "The chosen nodes and all below, including what is to come.", list: "The chosen channels only." },
    members: "Members", excluded: "Excluded", actions: "May", action: { live: "live view", ptz: "PTZ", query: "query", playback: "playback", download: "download", alarm: "alarms" },
    usedBy: "Used by", unused: "unused", pick: "Search by name or code", pickHint: "Type a name or code", removeAsk: "Remove the sharing rule \"{name}\"?",
  },
  users: {
    add: "Add user", editTitle: "Edit user", role: "Role", roleHint: { viewer: "browses, watches, takes snapshots", operator: "also moves cameras, sees devices and traces", admin: "also configures, manages users, reads the ledger" },
    locked: "Locked", passwordChanged: "Password changed", passwordRule: "At least 10 characters of three kinds: lower case, upper case, digits, others.", removeAsk: "Remove the user \"{name}\"? Sessions and keys end at once.",
  },
  ledger: {
    verify: "Verify", whole: "The ledger is whole: {n} entries, signed up to entry {signed}.", wholeUnsigned: "The ledger is whole: {n} entries, not signed yet.", broken: "The ledger is not whole: entry {seq}, {problem}", head: "head", time: "Time", actor: "Actor", action: "Action",
    result: "Result", object: "Object", where: "Where to", detail: "Particulars", clause: "Clause", filterActor: "actor user:name", filterAction: "action", filterCode: "channel code", filterResult: "result",
    actors: { user: "user", upper: "upper", system: "system", key: "key" },
    results: { granted: "granted", refused: "refused", done: "done", ended: "ended", failed: "failed", locked: "locked" },
    actions: {
      live: "live view", live_ended: "view ended", ptz: "PTZ", ptz_ended: "PTZ command", snapshot: "snapshot", snapshot_ended: "snapshot taken", login: "log in", logout: "log out", setup: "set-up",
      device_create: "device added", device_change: "device changed", device_remove: "device removed", upper_create: "upper added", upper_change: "upper changed", upper_remove: "upper removed",
      rule_create: "rule added", rule_change: "rule changed", rule_remove: "rule removed", user_create: "user added", user_change: "user changed", user_remove: "user removed", user_password: "password changed",
      ledger_verify: "ledger verified", token_create: "key issued", token_remove: "key revoked",
    },
  },
  status: {
    health: "Health", ok: "well", failing: "failing", unreachable: "The node cannot be reached.", node: "This node", version: "Version", catalogue: "Catalogue", use: "Use", views: "Being watched", streams: "Streams", who: "User",
    from: "From", codec: "Codec", rate: "Rate", received: "Received", lost: "Lost", readers: "Readers",
    streamState: { calling: "being called", running: "running", lingering: "no readers", ended: "ended" }, viewers: "Players", started: "Started", viewState: { playing: "playing", connecting: "connecting", idle: "idle" },
  },
};
