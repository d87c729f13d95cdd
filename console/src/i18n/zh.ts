export const zh = {
  common: {
    add: "添加", edit: "编辑", remove: "删除", removeTitle: "确认删除", removed: "已删除", save: "保存", cancel: "取消", close: "关闭",
    refresh: "刷新", more: "加载更多", none: "暂无数据", find: "搜索编码或名称", name: "名称", code: "编码", created: "创建时间",
    online: "在线", offline: "离线", enabled: "启用", disabled: "停用", automatic: "自动", unchanged: "不修改", copy: "复制", copied: "已复制",
    code20: "须为 20 位数字", taken: "此编码已被使用",
    ago: { s: "{n} 秒前", m: "{n} 分钟前", h: "{n} 小时前", d: "{n} 天前" },
    span: { s: "{n} 秒", m: "{n} 分钟", h: "{n} 小时", d: "{n} 天" },
  },
  shell: {
    language: "Switch to English", theme: "深色 / 浅色", changePassword: "修改密码", logOut: "退出登录", oldPassword: "原密码", newPassword: "新密码",
    passwordChanged: "密码已修改，请重新登录。",
  },
  nav: { watch: "实时监控", devices: "设备接入", uppers: "上级平台", rules: "共享规则", users: "用户", ledger: "台账", status: "运行状态" },
  role: { viewer: "观看员", operator: "操作员", admin: "管理员" },
  kind: {
    region: "行政区划", system: "系统", group: "业务分组", org: "虚拟组织", main_device: "前端设备", channel: "摄像机", alarm: "报警", audio: "语音",
    user: "用户", other: "其他",
  },
  transport: { udp: "UDP", tcp_passive: "TCP 被动（本平台监听）", tcp_active: "TCP 主动（本平台连接）" },
  login: {
    title: "登录", subtitle: "GB/T 28181 视频联网平台", username: "用户名", password: "密码", submit: "登录",
    expired: "登录已过期，请重新登录。", expiredBack: "登录已过期，重新登录后将回到刚才的页面。", expiredForm: "登录已过期，重新登录后表单中已填的内容仍在（密码除外）。", loggedOut: "已退出登录。",
  },
  setup: {
    title: "首次初始化", subtitle: "本平台尚无账号。请用一次性初始化代码创建管理员。", code: "初始化代码",
    codeHint: "首次启动时由 gbgateway run 显示在终端。", username: "管理员用户名", password: "密码", again: "再次输入密码", differs: "两次输入不一致",
    submit: "创建管理员并登录",
  },
  tree: {
    search: "搜索摄像机，一个字即可", peers: "设备", regions: "行政区划", groups: "业务分组", open: "展开", close: "收起",
    loading: "正在读取…", failed: "读取失败，点击重试", empty: "（空）", nothing: "没有找到", hits: "找到 {n} 个",
    counts: "摄像机在线 {online} / {total}",
  },
  live: {
    layout: "{n} 画面", purpose: "用途", purposeHint: "记入台账，如：值班巡查", snapshot: "抓图", snapshotDone: "抓图已保存", trace: "呼叫轨迹",
    calling: "正在呼叫设备…", loading: "等待画面…", retry: "重试", awaited: "设备上线后自动重新点播。", retryIn: "重试（{s} 秒后自动）", sound: "声音", fullscreen: "全屏",
    empty: "在左侧目录中点击摄像机", lag: "缓冲 {s} 秒", channel: "通道", via: "来自 {id}",
    chooseAutomatic: "播放方式选“自动”即可改用 MSE。", player: "播放方式", way: { automatic: "自动", webrtc: "WebRTC", mse: "MSE" },
    ways: { webrtc: "WebRTC（延迟最低）", mse: "MSE（经 HTTP 的 MP4 分片）" },
    hindrance: {
      off: "本平台未启用 WebRTC。", browser: "此浏览器不支持 WebRTC。", codec: "该通道的视频编码不能经 WebRTC 播放（仅支持不含 B 帧的 H.264）。",
      refused: "本平台与浏览器未能就 WebRTC 达成一致。", busy: "本平台的 WebRTC 名额已满。", unreachable: "WebRTC 的接入地址无法访问。",
      notConnected: "WebRTC 未能在 5 秒内连通：UDP 媒体端口可能被防火墙拦截。", noPicture: "WebRTC 已连通，但没有出现画面。",
    },
    details: {
      title: "画面信息", way: "播放方式", codec: "编码", size: "分辨率", sound: "声音", withSound: "有", noSound: "码流中没有声音", soundLeftOut: "WebRTC 只能传送 G.711 声音，已略去",
      rate: "帧率与码率", buffered: "缓冲", dropped: "丢弃帧数", first: "首帧用时",
    },
  },
  trace: { title: "呼叫轨迹", none: "没有该通道的呼叫记录。设备离线时不会发起呼叫。", time: "秒", here: "本平台", there: "对端" },
  ptz: {
    title: "云台控制", up: "上", down: "下", left: "左", right: "右", up_left: "左上", up_right: "右上", down_left: "左下", down_right: "右下",
    zoom: "变倍", zoom_in: "放大", zoom_out: "缩小", focus: "聚焦", focus_near: "近焦", focus_far: "远焦", iris: "光圈", iris_open: "光圈开", iris_close: "光圈关",
    speed: "速度", preset: "预置位", preset_call: "调用", preset_set: "设置", preset_delete: "删除", preset_deleteAsk: "删除预置位 {n}？",
    preset_callDone: "已调用预置位 {n}", preset_setDone: "已设置预置位 {n}", preset_deleteDone: "已删除预置位 {n}", notAllowed: "观看员不能控制云台。",
    no_commands: "此摄像机仅支持 RTSP，不接受云台指令。", fixed: "目录标明此摄像机为固定枪机（PTZType 3），不能转动。",
  },
  devices: {
    add: "添加设备", editTitle: "编辑设备", none: "尚未添加设备", state: "状态", kind: "类型", kinds: { device: "国标设备", platform: "下级平台", rtsp: "RTSP 摄像机", onvif: "ONVIF 摄像机" },
    kindHint: {
      device: "按 GB/T 28181 向本平台注册的摄像机、录像机。", platform: "按 GB/T 28181 级联到本平台的另一平台。",
      rtsp: "只支持 RTSP 的摄像机：由本平台拉流。", onvif: "支持 ONVIF 的摄像机：由本平台查询、拉流、控制云台。",
    },
    nameAndCode: "名称与编码", unstable: "不稳定", unasked: "尚未探测", zone: "网络区域", zoneOfAddress: "按地址自动确定", maxSessions: "最大并发路数", maxSessionsLearned: "由设备的拒绝学习",
    address: "地址", neverSeen: "未注册", lastSeen: "最近联系", edition: "版本", values: "接入参数", sync: "同步目录", id: "编码（20 位）", password: "注册密码",
    mediaTransport: "媒体传输方式", transportDefault: "默认：{name}", charset: "字符集", tolerances: "容差",
    tolerance: { media_source_any: "允许任意媒体来源地址（NAT）", ssrc_any: "允许任意 SSRC", onvif_other_hosts: "允许码流来自其他主机", onvif_any_certificate: "不校验 TLS 证书" }, allowNoPassword: "允许无密码注册",
    removeAsk: "删除“{name}”（{id}）？其通道将从目录中消失，正在进行的点播会中断。", syncStarted: "开始同步目录…", syncDone: "目录同步完成，共 {n} 项。", syncProblem: "目录同步未完成：{problem}",
  },
  camera: {
    url: { rtsp: "RTSP 地址", onvif: "ONVIF 服务地址" }, address: "地址", channelId: "通道编码", channelIdOtherwise: "由设备编码生成", transport: "媒体传输",
    alwaysOn: "常开：无人观看时也保持码流",
  },
  onvif: {
    search: "搜索网络", searching: "正在搜索…", searchHint: "在所选网络区域内查找 ONVIF 摄像机，约 3 秒。", foundNone: "没有摄像机应答。摄像机可能在其他网段，或关闭了 ONVIF 发现；可直接填写地址。",
    added: "已添加为 {id}", test: "测试", testHint: "用上面的地址、用户名和密码询问摄像机。", testNeedsPassword: "已保存的密码不会显示：请重新输入密码后再测试。", taken: "{profile}（自动选择时采用）", camera: "厂商与型号", firmware: "固件", serial: "序列号", sources: "视频源", sourcesAndProfiles: "{sources} 个视频源，{profiles} 个配置",
    abilities: "能力", ability: { ptz: "云台", snapshot: "抓图", events: "事件" }, profile: "媒体配置（Profile）", bestProfile: "自动选择最佳",
    clock: { ahead: "摄像机的时钟比本平台快 {span}：可能导致认证失败、录像与事件时间错误，请为其设置 NTP 校时。", behind: "摄像机的时钟比本平台慢 {span}：可能导致认证失败、录像与事件时间错误，请为其设置 NTP 校时。" },
  },
  health: {
    button: "健康", title: "设备健康：{name}", since: "自", registration: "注册", until: "有效至", software: "协议与软件", keepalive: "心跳间隔", learned: "{n} 秒（由 {samples} 次心跳学习）", configured: "{n} 秒（配置值，尚未学习）",
    offlineAfter: "静默 {span}后判为离线", flaps: "上下线次数", flapsOf: "{span}内 {count} 次（允许 {allowed} 次）", settles: "保持在线则恢复于", clock: "设备时钟", clockUnknown: "设备未上报时间",
    clockAhead: "比本平台快 {span}", clockBehind: "比本平台慢 {span}", asked: "最近探测", offers: "提供", sessions: "并发码流", running: "{n} 路，上限未知", runningOf: "{n} 路，上限 {limit} 路",
    limitBy: { manual: "手动设置", learned: "由设备的拒绝学习" }, forgotten: "失效于", contacts: "最近十次联系", noContacts: "暂无联系记录。", offline: "离线记录", neverOffline: "没有离线记录。",
    contact: {
      answer: "{what}的应答 {code}", REGISTER: "注册", Keepalive: "心跳", Catalog: "目录", DeviceInfo: "设备信息", DeviceStatus: "设备状态", Alarm: "报警", RecordInfo: "录像目录",
      MobilePosition: "移动位置", MediaStatus: "媒体状态", ConfigDownload: "设备配置", PresetQuery: "预置位", INVITE: "呼叫", BYE: "挂断", MESSAGE: "消息", SUBSCRIBE: "订阅", NOTIFY: "通知", INFO: "播放控制", ACK: "确认", OPTIONS: "探询",
    },
  },
  connect: {
    title: "在设备上填写的参数", intro: "请在“{name}”的国标（GB28181 / 平台接入）配置页面填写以下内容。", serverId: "SIP 服务器编码", serverDomain: "SIP 服务器域",
    serverHost: "SIP 服务器地址", serverPort: "SIP 服务器端口", deviceId: "SIP 用户名 / 设备编码", password: "密码", passwordGiven: "添加时设置的注册密码",
    passwordNone: "无需密码", channelId: "视频通道编码", channelHint: "示例；每个通道各不相同，类型码 131 或 132", expires: "注册有效期（秒）", keepalive: "心跳周期（秒）", misses: "最大心跳超时次数",
    transport: "信令传输协议", transportHint: "网络丢包时选 TCP", version: "协议版本", versionHint: "2016 版亦可", encryption: "码流加密", encryptionOff: "关闭",
  },
  uppers: {
    add: "添加上级平台", editTitle: "编辑上级平台", none: "尚未添加上级平台",
    states: { registered: "已注册", registering: "注册中", waiting: "未注册", stopped: "已停止" }, address: "注册地址", rule: "共享规则", noRule: "未共享", situation: "情况",
    keepalive: "{ago}心跳，注册有效至 {until}", steps: "注册过程", noSteps: "暂无记录", theirForm: "上级平台需要填写的下级信息", lowerId: "下级平台编码", ourAddress: "本平台地址",
    intervals: "注册 / 心跳周期", since: "状态开始于", id: "上级平台编码（20 位）", host: "地址", port: "端口", transport: "信令传输", username: "认证用户名", localId: "本平台在上级的编码",
    expires: "注册有效期（秒）", keepaliveSeconds: "心跳周期（秒）", mediaTransport: "媒体传输方式", sources: "其他请求来源地址", tolerance: { media_to_any_address: "允许其媒体发往任意地址", answer_from_elsewhere: "允许从其他来源地址应答" }, sourcesHint: "上级从注册地址以外的地址发来请求时填写，空格分隔。",
    removeAsk: "删除上级平台“{name}”（{id}）？本平台将从该平台注销。",
  },
  rules: {
    add: "添加共享规则", editTitle: "编辑共享规则", none: "尚未添加共享规则", intro: "共享规则决定一个上级平台能看到哪些通道、能做什么。没有规则的上级平台看不到任何通道。",
    id: "规则标识", mode: "范围", modes: { all: "全部通道", subtree: "目录子树", list: "指定通道" },
    modeHint: { all: "包括以后新增的通道。", subtree: "所选节点及其下的一切，包括以后新增的。", list: "只包含所选通道。" },
    members: "成员", excluded: "排除", actions: "允许的操作", action: { live: "实时点播", ptz: "云台控制", query: "查询", playback: "录像回放", download: "录像下载", alarm: "报警" },
    usedBy: "使用的上级平台", unused: "未使用", pick: "按名称或编码搜索后选择", pickHint: "输入名称或编码", removeAsk: "删除共享规则“{name}”？",
  },
  users: {
    add: "添加用户", editTitle: "编辑用户", role: "角色", roleHint: { viewer: "浏览目录、观看、抓图", operator: "另可控制云台、查看设备与轨迹", admin: "另可修改配置、管理用户、查看台账" },
    locked: "已锁定", passwordChanged: "密码修改时间", passwordRule: "至少 10 位，含大写、小写、数字、其他字符中的三类。", removeAsk: "删除用户“{name}”？其会话与密钥立即失效。",
  },
  ledger: {
    verify: "校验台账", whole: "台账完整：共 {n} 条，最近签名至第 {signed} 条。", wholeUnsigned: "台账完整：共 {n} 条，尚无每日签名。", broken: "台账不完整：第 {seq} 条，{problem}", head: "链头", time: "时间", actor: "主体", action: "操作",
    result: "结果", object: "对象", where: "去向", detail: "详情", clause: "条款", filterActor: "主体 user:名", filterAction: "操作", filterCode: "通道编码", filterResult: "结果",
    actors: { user: "用户", upper: "上级", system: "系统", key: "密钥" },
    results: { granted: "准许", refused: "拒绝", done: "完成", ended: "结束", failed: "失败", locked: "锁定" },
    actions: {
      live: "实时点播", live_ended: "点播结束", ptz: "云台控制", ptz_ended: "云台指令", snapshot: "抓图", snapshot_ended: "抓图完成", login: "登录", logout: "退出", setup: "初始化",
      device_create: "添加设备", device_change: "修改设备", device_remove: "删除设备", upper_create: "添加上级", upper_change: "修改上级", upper_remove: "删除上级",
      rule_create: "添加规则", rule_change: "修改规则", rule_remove: "删除规则", user_create: "添加用户", user_change: "修改用户", user_remove: "删除用户", user_password: "修改密码",
      ledger_verify: "校验台账", token_create: "签发密钥", token_remove: "撤销密钥",
    },
  },
  status: {
    health: "健康", ok: "正常", failing: "异常", unreachable: "无法连接到本平台。", node: "本平台", version: "软件版本", catalogue: "目录", use: "使用情况", views: "正在观看", streams: "码流", who: "用户",
    from: "来自", codec: "编码", rate: "码率", received: "已接收", lost: "丢包率", readers: "使用数",
    streamState: { calling: "呼叫中", running: "正常", lingering: "待释放", ended: "已结束" }, viewers: "播放数", started: "开始", viewState: { playing: "播放中", connecting: "连接中", idle: "空闲" },
  },
};
export type Messages = typeof zh;
