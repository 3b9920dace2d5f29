/** The node: containerd with runc and CNI, and the kubelet. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Addresses, nodeAddress, podAddress } from './addresses.ts';
import { credentialFile, nodeName } from './credentials.ts';
import { type Packages, searchPath } from './packages.ts';
import type { Place } from './place.ts';
import type { Component } from './process.ts';

export function containerdSocket({ state }: Place): string {
  return join(state, 'containerd.sock');
}

export function containerd(place: Place, addresses: Addresses, packages: Packages): Component {
  const { state } = place;
  const q = JSON.stringify;
  for (const folder of ['cni', 'registries']) mkdirSync(join(state, folder), { recursive: true });
  writeFileSync(join(state, 'cni', '10-bridge.conflist'), podNetwork(place, addresses));
  const config = `version = 2
root = ${q(join(state, 'containerd'))}
state = ${q(join(state, 'containerd-run'))}
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = ${q(containerdSocket(place))}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${q(pauseImage(addresses))}
  # A root without CAP_SYS_RESOURCE may not lower the score: without this no pod starts there.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = ${q(packages.runc)}
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${q(packages.cni)}
    conf_dir = ${q(join(state, 'cni'))}
  # An empty folder: every registry by its default, and a loopback one then speaks plain HTTP.
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = ${q(join(state, 'registries'))}
`;
  writeFileSync(join(state, 'containerd.toml'), config);
  const args = ['--config', join(state, 'containerd.toml'), '--log-level', 'info'];
  return { name: 'containerd', command: packages.containerd, args, env: searchPath(packages) };
}

export function pauseImage({ ports }: Addresses): string {
  return `127.0.0.1:${ports.registry}/pause:1`;
}

/** Pods hang on a bridge of the host's, so that tests reach their addresses; nothing is routed or masked. */
function podNetwork({ state, bridge }: Place, addresses: Addresses): string {
  const subnet = `${podAddress(addresses, 0, 0)}/22`;
  // 3.0/24 is Docker's.
  const range = { subnet, rangeStart: podAddress(addresses, 0, 2), rangeEnd: podAddress(addresses, 2, 255) };
  const ipam = {
    type: 'host-local',
    dataDir: join(state, 'cni-addresses'),
    ranges: [[range]],
    routes: [{ dst: '0.0.0.0/0', gw: nodeAddress(addresses) }],
  };
  const plugin = { type: 'bridge', bridge, isGateway: false, ipMasq: false, hairpinMode: true, ipam };
  return JSON.stringify({ cniVersion: '0.4.0', name: bridge, plugins: [plugin] }, null, 2);
}

export function kubelet(place: Place, addresses: Addresses, binaries: string): Component {
  const { state, logs } = place;
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: nodeAddress(addresses),
    healthzPort: 0,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: credentialFile(place, 'authority.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: credentialFile(place, 'kubelet.crt'),
    tlsPrivateKeyFile: credentialFile(place, 'kubelet.key'),
    containerRuntimeEndpoint: `unix://${containerdSocket(place)}`,
    podLogsDir: join(logs, 'pods'),
    volumePluginDir: join(state, 'volume-plugins'),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${place.cgroup}`,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    makeIPTablesUtilChains: false,
    maxPods: 250,
    // No DNS server answers there; without an address every pod gets a warning event.
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    // The machine's disk is not the cluster's: a full one must not evict pods or delete images.
    evictionHard: { 'imagefs.available': '0%', 'nodefs.available': '0%', 'nodefs.inodesFree': '0%' },
    imageGCHighThresholdPercent: 100,
  };
  writeFileSync(join(state, 'kubelet.json'), JSON.stringify(config, null, 2));
  const args = [
    ...['--config', join(state, 'kubelet.json'), '--kubeconfig', credentialFile(place, 'node.kubeconfig')],
    ...['--hostname-override', nodeName, '--node-ip', nodeAddress(addresses)],
    ...['--root-dir', join(state, 'kubelet'), '--cert-dir', join(state, 'kubelet-certificates')],
  ];
  return { name: 'kubelet', command: join(binaries, 'kubelet'), args };
}
