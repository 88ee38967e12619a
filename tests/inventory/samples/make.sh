#!/bin/sh
# Make the samples of Open vSwitch, iproute2's bridge and OVN in this folder with the real programs. Needs root.
# The truth of the tests beside it is what stands here: which MAC is behind which port of which host.
#
#   kvm-a  br-int: vnet0 (web, VLAN 10), vnet1 (app, VLAN 10), vnet9 (inactive), m0out; patch to
#          br-ex: bond0 of eno1 and eno2, the way out;  br-priv: vnet2 (db-1), vnet3 (db-2) and nothing else;
#          br-tun: vnet4 (far) and the tunnel vx0;  br-odd: vnet5 (odd) and a port that nobody explains
#   kvm-b  br0: vnet0 (rem, VLAN 10), vmnic0 the way out
#   kvm-c  Linux bridge br0: vnet0 (lin), eno1 the way out; a machine at the switch talks untagged
set -eu
OUT=$(cd "$(dirname "$0")" && pwd)
B=$(mktemp -d)
N=s$$

stop() {
  for pid in "$B"/*/*.pid; do [ -f "$pid" ] && kill "$(cat "$pid")" || true; done
  sleep 1
  ip netns list | awk -v n="$N-" 'index($1, n) == 1 { print $1 }' | while read -r one; do ip netns del "$one"; done
  rm -rf "$B"
}
trap stop EXIT

host() {
  ip netns add "$N-$1"; ip -n "$N-$1" link set lo up; mkdir "$B/$1"
  ip netns exec "$N-$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
}
ovs() {
  d=$B/$1
  ovsdb-tool create "$d/conf.db" /usr/share/openvswitch/vswitch.ovsschema
  ip netns exec "$N-$1" env OVS_RUNDIR="$d" OVS_LOGDIR="$d" ovsdb-server "$d/conf.db" --remote="punix:$d/db.sock" \
    --pidfile="$d/ovsdb.pid" --unixctl="$d/ovsdb.ctl" --detach --log-file="$d/ovsdb.log" 2>/dev/null
  vs "$1" --no-wait init
  ip netns exec "$N-$1" env OVS_RUNDIR="$d" OVS_LOGDIR="$d" ovs-vswitchd "unix:$d/db.sock" \
    --pidfile="$d/vswitchd.pid" --unixctl="$d/vswitchd.ctl" --detach --log-file="$d/vswitchd.log" 2>/dev/null
  vs "$1" set Open_vSwitch . external_ids:hostname="$1.example.net" external_ids:system-id="id-$1"
}
vs() { h=$1; shift; ovs-vsctl --db="unix:$B/$h/db.sock" "$@"; }
cable() { # host port host port
  ip link add "$2" netns "$N-$1" type veth peer name "$4" netns "$N-$3"
  ip -n "$N-$1" link set "$2" up; ip -n "$N-$3" link set "$4" up
}
vm() { # name host port mac ip
  host "$1"
  ip link add eth0 netns "$N-$1" address "$4" type veth peer name "$3" netns "$N-$2"
  ip -n "$N-$1" addr add "$5/24" dev eth0; ip -n "$N-$1" link set eth0 up; ip -n "$N-$2" link set "$3" up
}
plug() { # host bridge port mac vm [more settings of the port]
  h=$1 bridge=$2 port=$3 mac=$4 name=$5; shift 5
  vs "$h" add-port "$bridge" "$port" "$@" -- set Interface "$port" external_ids:iface-id="port-$name" \
    "external_ids:attached-mac=\"$mac\"" external_ids:vm-id="uuid-$name" external_ids:iface-status=active
}
bridge_of() { vs "$1" add-br "$2" -- set bridge "$2" datapath_type=netdev; }
talk() { ip netns exec "$N-$1" ping -q -c 2 -i 0.2 -W 1 "$2" >/dev/null || true; }

host tor; host kvm-a; host kvm-b; host kvm-c
ip -n "$N-tor" link add switch type bridge; ip -n "$N-tor" link set switch up
for end in "kvm-a eno1 a1" "kvm-a eno2 a2" "kvm-b vmnic0 b0" "kvm-c eno1 c1"; do
  # shellcheck disable=SC2086
  set -- $end
  cable "$1" "$2" tor "$3"; ip -n "$N-tor" link set "$3" master switch
done

ovs kvm-a; ovs kvm-b
for b in br-ex br-int br-priv br-tun br-odd; do bridge_of kvm-a "$b"; done
bridge_of kvm-b br0
vs kvm-a add-bond br-ex bond0 eno1 eno2 bond_mode=active-backup
vs kvm-a add-port br-int int-ex -- set Interface int-ex type=patch options:peer=ex-int \
  -- add-port br-ex ex-int -- set Interface ex-int type=patch options:peer=int-ex
vs kvm-a add-port br-tun vx0 -- set Interface vx0 type=vxlan options:remote_ip=192.0.2.2 options:key=5
vs kvm-b add-port br0 vmnic0
vm web kvm-a vnet0 52:54:00:aa:00:01 10.10.0.1;  plug kvm-a br-int vnet0 52:54:00:aa:00:01 web tag=10
vm app kvm-a vnet1 52:54:00:aa:00:02 10.10.0.2;  plug kvm-a br-int vnet1 52:54:00:aa:00:02 app tag=10
vm db1 kvm-a vnet2 52:54:00:aa:00:03 10.30.0.3;  plug kvm-a br-priv vnet2 52:54:00:aa:00:03 db-1
vm db2 kvm-a vnet3 52:54:00:aa:00:04 10.30.0.4;  plug kvm-a br-priv vnet3 52:54:00:aa:00:04 db-2
vm far kvm-a vnet4 52:54:00:aa:00:05 10.40.0.5;  plug kvm-a br-tun vnet4 52:54:00:aa:00:05 far
vm odd kvm-a vnet5 52:54:00:aa:00:06 10.50.0.6;  plug kvm-a br-odd vnet5 52:54:00:aa:00:06 odd
vm rem kvm-b vnet0 52:54:00:bb:00:07 10.10.0.7;  plug kvm-b br0 vnet0 52:54:00:bb:00:07 rem tag=10
cable kvm-a m0out kvm-a m0end; vs kvm-a add-port br-int m0out
cable kvm-a docked kvm-a docker9; vs kvm-a add-port br-odd docked
vs kvm-a -- --id=@o get Port m0out -- --id=@m create Mirror name=m0 select-all=true output-port=@o snaplen=96 \
  -- add Bridge br-int mirrors @m
vs kvm-a -- --id=@p get Port vnet0 -- --id=@m create Mirror name=m1 select-src-port=@p select-dst-port=@p \
  select-vlan=10 output-vlan=999 -- add Bridge br-int mirrors @m

ip -n "$N-kvm-c" link add br0 type bridge; ip -n "$N-kvm-c" link set br0 up
vm lin kvm-c vnet0 52:54:00:cc:00:08 10.60.0.8
ip -n "$N-kvm-c" link set vnet0 master br0; ip -n "$N-kvm-c" link set eno1 master br0
vm there tor m9 52:54:00:dd:00:09 10.60.0.9; ip -n "$N-tor" link set m9 master switch

sleep 2
talk web 10.10.0.2; talk web 10.10.0.7; talk db1 10.30.0.4; talk far 10.40.0.99; talk lin 10.60.0.9
for h in kvm-a kvm-b; do
  vs "$h" --format=json -- list Open_vSwitch -- list Bridge -- list Port -- list Interface -- list Mirror \
    >"$OUT/ovs-$h.json"
  for b in $(vs "$h" list-br); do
    ovs-appctl -t "$B/$h/vswitchd.ctl" fdb/show "$b" >"$OUT/fdb-$h-$b.txt"
  done
done
vs kvm-a --format=json list Interface >"$OUT/ovs-kvm-a-interface.json"
vs kvm-a --format=json list Port >"$OUT/ovs-kvm-a-port.json"
vs kvm-a --format=json list Bridge >"$OUT/ovs-kvm-a-bridge.json"
vs kvm-a --format=json list Mirror >"$OUT/ovs-kvm-a-mirror.json"
ip netns exec "$N-kvm-c" bridge fdb show >"$OUT/bridge-fdb-kvm-c.txt"
ip netns exec "$N-kvm-c" bridge -j fdb show >"$OUT/bridge-fdb-kvm-c.json"
