#!/bin/sh
# Make the OVN samples in this folder with the real databases and ovn-northd; the bindings that ovn-controller would
# write are set by ovn-sbctl. The truth of the tests beside it is what stands here:
#
#   hv1 (kvm-1.example.net, tunnels at 192.0.2.1): web, app;  hv2 (kvm-2.example.net, 192.0.2.2): db
#   blue (overlay): web, db; green (overlay): app; both at router r1, distributed; r1's third port lrp-out is
#   bound to hv2, with the network out behind a localnet port in VLAN 100
#   red (overlay): no VM; at router gw1, which as a whole is bound to hv2; r1-only port lrp-kept stays on that chassis
set -eu
OUT=$(cd "$(dirname "$0")" && pwd)
D=$(mktemp -d)
export OVN_RUNDIR="$D" OVS_RUNDIR="$D"
stop() {
  for pid in "$D"/*.pid; do [ -f "$pid" ] && kill "$(cat "$pid")" || true; done
  sleep 1
  rm -rf "$D"
}
trap stop EXIT
for db in nb sb; do
  ovsdb-tool create "$D/$db.db" "/usr/share/ovn/ovn-$db.ovsschema"
  ovsdb-server "$D/$db.db" --remote="punix:$D/$db.sock" --pidfile="$D/$db.pid" --unixctl="$D/$db.ctl" --detach \
    --log-file="$D/$db.log" 2>/dev/null
done
NB=unix:$D/nb.sock SB=unix:$D/sb.sock
nb() { ovn-nbctl --db="$NB" "$@"; }
sb() { ovn-sbctl --db="$SB" "$@"; }
nb init; sb init
ovn-northd --ovnnb-db="$NB" --ovnsb-db="$SB" --unixctl="$D/northd.ctl" --pidfile="$D/northd.pid" --detach \
  --log-file="$D/northd.log" 2>/dev/null

sb chassis-add hv1 geneve 192.0.2.1 -- set Chassis hv1 hostname=kvm-1.example.net
sb chassis-add hv2 geneve 192.0.2.2 -- set Chassis hv2 hostname=kvm-2.example.net
for net in blue green out red; do nb ls-add $net; done
port() { # switch name addresses
  nb lsp-add "$1" "$2" -- lsp-set-addresses "$2" "$3"
}
port blue web "fa:16:3e:00:00:01 10.1.0.11"
port blue db "fa:16:3e:00:00:02 10.1.0.12 fd00::12"
port green app "fa:16:3e:00:00:03 10.2.0.13"
nb set Logical_Switch blue other_config:subnet=10.1.0.0/24
port blue late dynamic
port green asleep "fa:16:3e:00:00:05 10.2.0.15"
nb lsp-add blue meta -- lsp-set-type meta localport -- lsp-set-addresses meta "fa:16:3e:00:00:99 10.1.0.250"
nb lsp-add out out-net "" 100 -- lsp-set-type out-net localnet -- lsp-set-addresses out-net unknown \
  -- lsp-set-options out-net network_name=physnet1
nb lr-add r1; nb lr-add gw1 -- set Logical_Router gw1 options:chassis=hv2
link() { # router port mac network switch
  nb lrp-add "$1" "$2" "$3" "$4" -- lsp-add "$5" "to-$2" -- lsp-set-type "to-$2" router \
    -- lsp-set-addresses "to-$2" router -- lsp-set-options "to-$2" "router-port=$2"
}
link r1 lrp-blue 02:00:00:00:01:01 10.1.0.1/24 blue
link r1 lrp-green 02:00:00:00:01:02 10.2.0.1/24 green
link r1 lrp-out 02:00:00:00:01:03 198.51.100.2/24 out
nb lrp-set-gateway-chassis lrp-out hv2
link r1 lrp-kept 02:00:00:00:01:04 10.3.0.1/24 red
nb set Logical_Router_Port lrp-kept options:reside-on-redirect-chassis=true
link gw1 lrp-gw 02:00:00:00:01:05 10.3.0.2/24 red
nb lr-nat-add r1 dnat_and_snat 198.51.100.50 10.1.0.11 web fa:16:3e:00:0f:01
nb lr-nat-add r1 dnat_and_snat 198.51.100.51 10.2.0.13
nb lr-nat-add r1 snat 198.51.100.2 10.1.0.0/24
nb --wait=sb sync
sb lsp-bind web hv1; sb lsp-bind app hv1; sb lsp-bind db hv2; sb lsp-bind late hv2; sb lsp-bind cr-lrp-out hv2
sb lsp-bind lrp-gw hv2; sb lsp-bind to-lrp-gw hv2

sb --format=json -- list Port_Binding -- list Chassis -- list Encap >"$OUT/ovn-sb.json"
nb --format=json -- list Logical_Switch_Port -- list NAT -- list Logical_Router_Port >"$OUT/ovn-nb.json"
for table in Port_Binding Chassis Encap; do sb --format=json list $table >"$OUT/ovn-sb-$table.json"; done
for table in Logical_Switch_Port NAT Logical_Router_Port; do nb --format=json list $table >"$OUT/ovn-nb-$table.json"; done
