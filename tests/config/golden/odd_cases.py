"""Odd cases: the corners of Hydra's override grammar, OmegaConf's interpolations, YAML and defaults lists.

The blocks hold a case a piece, between bars or line ends; a fixed sample of them is compared.
"""

import random

FILE = {'config.yaml': 'a: 1\n'
                'b:\n'
                '  c: [1, 2, {d: 3}]\n'
                '  e: hi\n'
                'n: null\n'
                "s: ''\n"
                'f: 1.5\n'
                "'1': one\n"
                '2: two\n'
                'true: yes\n'
                'x-y: 1\n'
                '"a b": 2\n'}

SINGLES = r"""a=1_000|a=0x1F|a=0b11|a=0o17|a=017|a=+5|a=-5|a=--5|a=1e5|a=1E5|a=1.e5|a=.5|a=5.|a=-.5|a=+.5e-3|a=1_0.5
a=1__0|a=_1|a=1_|a=nan|a=NaN|a=-nan|a=inf|a=-inf|a=+inf|a=Inf|a=.inf|a=infinity|a=TRUE|a=True|a=tRue|a=NULL
a=Null|a=nul|a=~|a=None|a=on|a=1:30|a=2001-01-01|a=1.2.3|a=1e|a=e5|a=a:b|a=a::b|a=:|a=http://x.y/z?q|a=a%b
a=a@b|a=a/b|a=a\b|a=C:\\dir|a=a\,b|a=a\=b|a=a\:b|a=\[1\]|a=\{x\}|a=\(x\)|a=a\ b|a=\ a|a=a\ |a='a'|a="a"
a='it\'s'|a="say \"hi\""|a='a\\'|a='a\b'|a='\\\''|a="a\\\\b"|a=''|a=""|a=' a '|a='a''b'|a=a'b|a=a"b|a='a'b
a=$|a=$a|a=a$|a=$$|a=${a|a=${}|a=$}|a=a!b|a=a#b|a=#|a=a*b|a=*|a=?|a=a?b|a=???|a=-|a=--|a=a-|a=+|a=a+b|a=;
a=<x>|a=^|a=|a=`|a=~x|a=[]|a=[ ]|a=[,]|a=[1,]|a=[,1]|a=[1,,2]|a=[[1],[2,[3]]]|a=[a b,c]|a=[ a , b ]
a=['a,b',"c"]|a=[a=b]|a=[a:b]|a={}|a={ }|a={a}|a={a:}|a={a:1,}|a={a:1,b:}|a={a: 1 , b : 2}|a={1:2}|a={1.5:2}
a={true:1}|a={null:1}|a={a:{b:{c:[1]}}}|a={'a b':1}|a={"a":1}|a={a b:1}|a={a.b:1}|a={a:1,a:2}|a={a:b:c}
a={${n}:1}|a={a:${a}}|a=[${a},1]|a=[1|a=1]|a={a:1|a=(1)|a=[(1)]|a.b=1|b=1|b.c=5|b.c.0=9|b.c.2.d=7|b.c.3=1
b.c.-1=1|b.c[0]=1|b.c[2].d=4|b[c]=1|b[c][0]=2|b.e.x=1|n.x=1|n=5|s=1|+b.c.3=1|++b.c.2.d=1|++b.c.2.z=1|+b.z=1
+b.e=1|++b.e=1|+n.x=1|++n.x=1|~b|~b.c|~b.c.0|~b.c.2.d|~b.e=hi|~b.e=ho|~n|~n=null|~s=|~f=1.5|~f=1.50|~a=1
~a=1.0|~a='1'|~zz|~b.zz|1=uno|2=dos|x-y=3|+x/y=3|+a-b.c=3|a\ b=3|+k.0=1|+k.0.1=1|+.a=1|+a.=1|.a=1|a.=1
a..b=1|=1|+=1|~|++|+a|a|+new|a==1|a= 1|a =1| a=1|a=1 |b.c=[]|b={c:1}|b={}|++b={}|+b={}|b=null|+b.y={c:1}
b.c={x:1}|b.c=null|a=int(1)|a=int(1.9)|a=int('12')|a=int(abc)|a=int(true)|a=int(null)|a=int([1.5,'2'])
a=int({a:1.5})|a=int(1_0)|a=int('1_0')|a=int(' 3 ')|a=int(inf)|a=int(1e3)|a=int('1e3')|a=float(1)
a=float('1e3')|a=float(true)|a=float('nan')|a=float(x)|a=str(1)|a=str(1.0)|a=str(1e5)|a=str(1e16)
a=str(1e-5)|a=str(true)|a=str(null)|a=str([1,a])|a=str({a:1})|a=str('a')|a=str("a")|a=str(inf)|a=str(-0.0)
a=bool(1)|a=bool(0)|a=bool(2)|a=bool('true')|a=bool('yes')|a=bool(True)|a=bool('')|a=bool(0.0)|a=bool([1,0])
a=bool(null)|a=json_str({a:1})|a=json_str([1,null,true])|a=json_str('x')|a=json_str(1.0)|a=str(int(1.5))
a=int(str(1))|a=float(int('3'))|a=int()|a=int(1,2)|a=int(value=1)|a=Int(1)|a=int (1)|a=int( 1 )|a=foo(1)
a=foo()|a=extend_list(1)|b.c=extend_list(4)|b.c=extend_list(4,[5],{x:1})|b.e=extend_list(1)
+q=extend_list(1)|b.c=extend_list()|n=extend_list(1)|a=sort([3,1,2])|a=sort([3,1,2],reverse=true)
a=sort([c,a,B])|a=sort([1,a])|a=sort(3)|a=sort([])|a=sort([1.5,1,0x1])|a=sort([true,false])
a=sort(['10','9'])|a=sort([[2],[1]])|a=sort([3,1],foo=1)|a=shuffle(1)|a=shuffle([])|a=choice(1)|a=choice()
a=choice(1,2)|a=range(3)|a=glob(*)|a=tag(x,1)|a=tag(choice(1))|a=1,2|a=[1,2],[3]"""

GROUPS = {'config.yaml': 'defaults:\n  - db: mysql\n  - _self_\na: 1\nl: [1,2]\nd: {x: 1}\n',
 'db/mysql.yaml': 'p: 1\n',
 'db/pg.yaml': 'p: 2\nq: ${a}\n',
 'db/pg2.yaml': 'p: 3\n',
 'srv/a.yaml': 'k: 1\n'}

SWEEPS = r"""a=1,2|a=1, 2|a= 1 , 2|a='1,2'|a=1,|a=,1|a=1,,2|a=a,'b c',"d"|a=1,2;a=3|a=1,2;d.x=3,4|d.x=3,4;a=1,2
db=mysql,pg|db=pg,mysql,pg2|db=glob(*)|db=glob(pg*)|db=glob([p*,m*])|db=glob(*,exclude=pg)
db=glob(*,exclude=[pg,mysql])|db=glob(zz*)|db=glob(*,exclude=*)|db=glob(p?)|db=glob([a-m]*)
db=glob('[a-m]*')|+srv=a,|+srv=a|+db@x=mysql,pg|a=choice(1,2)|a=choice([1,2],[3])|a=choice(1)
a=choice('a b',c)|a=choice(choice(1,2),3)|a=range(3)|a=range(1,3)|a=range(0,1,0.25)|a=range(0,1,0.1)
a=range(3,0,-1)|a=range(3,0)|a=range(0,0)|a=range(1.5)|a=range(1,10,3)|a=range(start=1,stop=3)
a=range(stop=3)|a=range(stop=3,step=2)|a=range(1,3,step=0.5)|a=range(-2)|a=range(-2,2,2)|a=range(0,3,0)
a=range(0.1,0.5,0.1)|a=range(1e3,3e3,1e3)|a=sort(3,1,2)|a=sort(3,1,2,reverse=true)|a=sort(choice(3,1,2))
a=sort(range(3),reverse=true)|a=sort(b,a,C)|a=sort(1)|a=sort([2,1],[1,2])|a=sort(1,a)|a=int(1.5,2)
a=int(choice(1.5,2.5))|a=float(range(3))|a=str(range(3))|a=str(1,2)|a=bool(1,0)|a=int(range(0.5,3))
a=json_str(1,a)|a=json_str(choice({x:1},2))|a=tag(t,1,2)|a=tag(t,choice(1,2))|a=tag(t1,t2,range(2))
a=tag(choice(1,2))|a=tag(t,tag(u,choice(1,2)))|a=shuffle(1)|a=shuffle(range(1))|a=[1,2],[3,4]|a={x:1},{x:2}
d={x:1,y:2},{x:3}|d.x=${a},2|l=extend_list(3),extend_list(4)|l=extend_list(1,2)|+z=1,2|++a=1,2|~a=1,2|~d,x
~db|hydra.run.dir=a,b|a=null,true|a=inf,nan|a=1,2;~d|a=???,1|a=,|a=''|a='',1|a=a\,b,c|a=a\=b,c|a=a b,c d
a=1:2,3|db=mysql,none|db=null,pg|db=[mysql,pg]|db=[mysql],[pg]|db=[pg,pg2],mysql
a=choice(1,2);db=pg,mysql;d.x=range(2)|a=1e3,1E-3|a=0x10,010|a='a',"a"|a=true,True|d.x=1,2;d.y=3
+d.y=1,2;d.x=5,6|a=range(2),3|a=choice(1,2),3|a=glob(*),1|a=sort(1,2),3"""

# A bar begins a text.
TEXTS = r"""a: ${b}
b: 1
|a: "${b}${b}"
b: 1
|a: ${b}x
b: [1]
|a: ${b}
b: ${a}
|a: ${a}
|a: ${b.c}
b: {c: 5}
|a: ${b.0}
b: [7]
|a: ${b[0]}
b: [7]
|a: ${b[0][1]}
b: [[7,8]]
|a: ${b[c]}
b: {c: 1}
|a: ${[b]}
b: 1
|a: ${b.-1}
b: [1]
|a: ${b.5}
b: [1]
|a: ${ b }
b: 1
|a: ${b }
b: 1
|a: ${b:}
b: 1
|a: ${b
b: 1
|a: $b
b: 1
|a: $${b}
b: 1
|a: \${b}
b: 1
|a: \\${b}
b: 1
|a: \\\${b}
b: 1
|a: 'x\${b}y\\${b}'
b: 1
|a: ${${c}}
b: 1
c: b
|a: ${b.${c}}
b: {x: 3}
c: x
|a: ${${c}.x}
b: {x: 3}
c: b
|a: {b: "${.c}", c: 1}
|a: {b: "${..c}"}
c: 2
|a: {b: "${...c}"}
c: 2
|a: [1, "${.0}"]
|a: [1, "${.[0]}"]
|a: [1, {x: "${..0}"}]
|a: ${.}
b: 1
|a: {b: "${.}"}
|a: ${oc.env:CQ_GOLDEN_VAR}
|a: ${oc.env:CQ_GOLDEN_UNSET}
|a: ${oc.env:CQ_GOLDEN_UNSET,}
|a: ${oc.env:CQ_GOLDEN_UNSET,null}
|a: ${oc.env:CQ_GOLDEN_UNSET,10}
|a: ${oc.env:CQ_GOLDEN_UNSET,1.5}
|a: ${oc.env:CQ_GOLDEN_UNSET,'x y'}
|a: ${oc.env:CQ_GOLDEN_UNSET,x y}
|a: ${oc.env:CQ_GOLDEN_UNSET,[1]}
|a: ${oc.env:CQ_GOLDEN_UNSET,${b}}
b: 3
|a: ${oc.env:}
|a: ${oc.env}
|a: ${oc.decode:'1'}
|a: ${oc.decode:'[1,x]'}
|a: ${oc.decode:'{a:1}'}
|a: ${oc.decode:null}
|a: ${oc.decode:1}
|a: ${oc.decode:''}
|a: ${oc.decode:'a:b'}
|a: ${oc.decode:'${b}'}
b: 4
|a: ${oc.decode:'yes'}
|a: ${oc.decode:'1e3'}
|a: ${oc.decode:'[1'}
|a: ${oc.decode:${oc.env:CQ_GOLDEN_UNSET,'[1]'}}
|a: ${oc.create:{x:1}}
|a: ${oc.create:[1,2]}
|a: ${oc.create:1}
|a: ${oc.create:null}
|a: ${oc.create:${b}}
b: {x: 1}
|a: ${oc.select:b}
b: 1
|a: ${oc.select:zz}
|a: ${oc.select:zz,5}
|a: ${oc.select:b,5}
b: ???
|a: ${oc.select:b,5}
b: null
|a: ${oc.select:b.c,'d'}
b: {}
|a: {x: "${oc.select:.y,3}"}
|a: {x: "${oc.select:..y,3}"}
y: 8
|a: ${oc.select:'b',1,2}
b: 1
|a: ${oc.dict.keys:b}
b: {x: 1, y: 2}
|a: ${oc.dict.values:b}
b: {x: 1, y: "${c}"}
c: 4
|a: ${oc.dict.keys:b}
b: [1]
|a: ${oc.dict.keys:zz}
|a: ${oc.dict.keys:}
|a: ${oc.dict.keys:b}
b: {}
|a: ${oc.dict.values:b.c}
b: {c: {d: 1}}
|a: {k: "${oc.dict.keys:.z}", z: {q: 1}}
|a: ${oc.deprecated:b}
b: 5
|a: ${oc.deprecated:b,'msg'}
b: 5
|a: ${oc.deprecated:zz}
|a: ${foo:1}
|a: ${oc.nope:1}
|a: ${oc.env:CQ_GOLDEN_VAR}/x
|a: x-${b}-y
b: null
|a: x-${b}
b: true
|a: x-${b}
b: 1.0
|a: x-${b}
b: 1e-7
|a: x-${b}
b: 1e20
|a: x-${b}
b: .inf
|a: x-${b}
b: [1, a, null]
|a: x-${b}
b: {x: 1, y: [a]}
|a: x-${b}
b: ''
|a: ${b}
b: ???
|a: x${b}
b: ???
|a: ${a.b}
|a: {b: "${a}"}
|a: {b: "${a.c}", c: 1}
|a: ${b.c.d}
b: ${e}
e: {c: {d: 9}}
|a: ${b}
b: {x: "${c}"}
c: 1
|a: ${b.x}
b: ${c}
c: {x: "${.y}", y: 2}
|a: "${b}\n"
b: 1
|a: ${true}
true: 1
|a: ${1}
1: x
|a: ${null}
null: 3
|a: ${x-y}
x-y: 1
|a: ${x_y}
x_y: 1
|a: ${x y}
|a: ${x/y}
x/y: 2
|a: ${a:b}
|a: "${oc.env: CQ_GOLDEN_VAR }"
|a: "${oc.env:'CQ_GOLDEN_VAR'}"
|a: "${oc.env:\"CQ_GOLDEN_VAR\"}"
|a: "${oc.env:CQ_GOLDEN_UNSET,'it''s'}"
|a: "${oc.env:CQ_GOLDEN_UNSET, spaced }"
|a: "${oc.env:CQ_GOLDEN_UNSET,a\\,b}"
|a: "${oc.env:CQ_GOLDEN_UNSET,{x: 1}}"
|a: "${oc.env:CQ_GOLDEN_UNSET,\"q ${b}\"}"
b: 6
|a: "${oc.decode:\"'${b}'\"}"
b: 6
|a: "${oc.create:{x: ${b}, y: [${b}]}}"
b: 6
|a: "${oc.create:{x: \"${b}\"}}"
b: z
|a: ${b}
b: &k {x: 1}
c: *k
|a: "${b}"
b: 2001-01-01
|a: &x [1, 2]
b: [*x, *x]
|a: {<<: {x: 1}, y: 2}
|b: &b {x: 1, y: 1}
a: {<<: *b, y: 2}
|b: &b {x: 1}
c: &c {x: 2, z: 3}
a: {<<: [*b, *c]}
|a: {<<: 1}
|a: {<<: [1]}
|? a
: b
|? [1, 2]
: b
|a: !!str 1
|a: !!int '1'
|a: |
  x
  y
|a: >-
  x
  y
|a: |+
  x

b: 1
|a: |2
   x
|a: "x\ty\u00e9\x41\
  z"
|a: 'x

  y'
|a: x
  y
|a: - b
|a: [a, b
  , c]
|a: {a, b: , c: ~}
|a: [a: 1, b]
|a: [? x : y]
|a: {"x":1}
|a: {x:1}
|a: [x:1]
|a: @x
|a: `x
|a: %x
|%YAML 1.1
---
a: 1
|%YAML 1.2
---
a: 010
|---
a: 1
...
|a: 1 # c
b: 'x#y' # z
c: x#y
|a: !x 1
|a: 0o17
b: 0x_1F
c: 1_000
d: 0b1_0
e: 190:20:30
f: 190:20:30.15
g: -0
h: +1
|a: 1.
b: .5
c: 1e5
d: 1.5e+3
e: 1.5e3
f: -.inf
g: .NaN
h: 1_0.5
i: 1e
j: .
k: 1.2.3
|a: y
b: n
c: Y
d: yes
e: No
f: ON
g: oFF
h: True
i: tRUE
j: ~
k: Null
l: nULL
|a: 12e03
b: 0.1e-7
c: 1E5
d: +.5
e: -1_0
f: 0x
g: 08
h: 00
i: 1__0
j: _1
|a: 2001-12-14t21:59:43.10-05:00
b: 2001-1-1
c: 12:30
d: 1:2:3
|a: =
b: <<
|a: "\/"
|a: "\x0"
|a: '\n'
|a: -1
b: - 1
|-1: a
1.5: b
1e3: c
.inf: d
|yes: 1
|null: 1
b: 2
|'': 1
|a:
b:
  - 
  - 1
|a: []
b: {}
c: [[]]
d: [{}]
|
|# nothing
|{}
|[]
|~
|null
|1
|a
"""

OPTIONS = {'g/a.yaml': 'x: 1\n',
 'g/b.yaml': 'x: 2\ny: 3\n',
 'g/sub/c.yaml': 'z: 4\n',
 'h/a.yaml': '# @package foo.bar\nv: 1\n',
 'h/b.yaml': '# @package _group_\nv: 2\n',
 'h/c.yaml': '# @package _global_.q\nv: 3\n',
 'h/d.yaml': '#@package q\nv: 4\n',
 'h/e.yaml': '# @package: q\nv: 5\n',
 'h/f.yaml': '# c\n# @package q\nv: 6\n',
 'h/g.yaml': 'v: 7\n# @package q\n',
 'n/a.yaml': 'defaults:\n  - /g@_here_: a\n  - _self_\nw: 1\n',
 'n/b.yaml': 'defaults:\n  - ../g: a\nw: 1\n',
 'n/c.yaml': 'defaults:\n  - c2\n  - _self_\nw: 2\n',
 'n/c2.yaml': 'w: 1\nu: 5\n',
 'n/d.yaml': 'defaults:\n  - sub: e\nw: 3\n',
 'n/sub/e.yaml': 'm: 1\n',
 'n/f.yaml': 'defaults:\n  - /g@_global_: b\n',
 'n/l.yaml': 'defaults:\n  - /g: [a, sub/c]\n',
 'n/m.yaml': 'defaults:\n  - l\n  - m2\n',
 'base.yaml': 'a: 0\nb: base\n'}

# A bar begins a list.
DEFAULTS = r"""- g: a|- g: [a, b]|- g: []|- g: null|- g: ???|- g: ~|- g: a
- g: b|- g: a
- override g: b|- override g: b
- g: a|- override g: b|- optional g: zz|- optional zz: a|- g: zz|- g@p: a|- g@p: a
- g@q: b|- g@p.q: a|- g@_global_: a|- g@_here_: a|- g@_group_: a|- g@g: a|- g@: a|- /g: a|- g/sub: c|- g: sub/c|- g/sub@p: c|- base|- base
- _self_|- _self_
- base|- base@p|- base@_global_|- /base|- base: a|- h: a|- h: b|- h: c|- h: d|- h: e|- h: f|- h: g|- h@p: a|- h@p: c|- n: a|- n: b|- n: c|- n: d|- n: f|- n: l|- n: m|- n: d
- override n/sub: e|- n: a
- override g@n: b|- n: a
- override /g@n: b|- n@p: a|- n@p: d|- n@p: l|- _self_
- _self_|- g: ${g2}
- g2: a|- g: ${zz}|- g: a
- n: ${g}|- {g: a}|- {g: a, h: b}|- g: 1|- g: a.yaml|- base.yaml|- g: {a: b}|- [g]|- 1|- null|- ''|- optional base|- optional nope|- optional g: null|- override g: null|- g: a
- override g: null|- g: a
- override g: [a, b]|- g@p: a
- override g@p: b|- g@p: a
- override g: b|- g: a
- optional override g: b|- override optional g: b|- g: [a, zz]|- g: [a, a]|- optional g: [a, zz]|- g: "a"|- "g": a|- g : a|- g:a|- optional  g: a|- OPTIONAL g: a|- g: A|- experiment: null
- g: a|- hydra: default|- override hydra/launcher: basic|- override hydra/job_logging: disabled|- override hydra/job_logging: none|- g: a
- base
- _self_
- g@p: b"""

CHOICES = """- g: a <- g@p=b
- g: a <- g@g=b
- g@p: a <- g@p=b
- g@p: a <- g=b
- g@p: a <- ~g@p
- g@p: a <- ~g
- g: a <- +g=b
- g: a <- ++g=b
- g: a <- +g@p=b
- g: a <- +g@p=[a,b]
- g: a <- g=[a,b]
- g: [a,b] <- g=a
- g: [a,b] <- ~g=a
- g: [a,b] <- ~g=[a,b]
- g: a <- g=null
- g: a <- g=
- g: a <- g='a'
- g: a <- g=a g.x=5
- g: a <- g.x=5 g=b
- g: a <- +g.k=1 g=b
- g: a <- ~g.x g=b
- g: a <- +n=d n/sub=e
- g: a <- +n=d +n/sub=e
- g: a <- +n=a g@n=b
- g: a <- +h=a foo.bar.v=3
- g: a <- +h@p=a
- g: a <- g/sub=c
- g: a <- +g/sub=c
- g: a <- g=sub/c
- g: a <- +base=x
- base <- base=x
- g: null <- g=a
- g: ??? <- g=a
- optional g: zz <- g=a
- optional g: zz <- g=yy
- g: a <- g@_global_=b
- g: a <- +g@_global_=b
- g: a <- ~g=b
- g: a <- ~g=a
- g: a <- ~g ~a
- g: a <- a=${g.x}
- g: a <- +k=${g}
- g: a <- g@p.q=b
- g: a <- +g@p.q=b p.q.x=9
- g: a <- g=a,b
- g: a <- g=glob(*)
- g: a <- g={a:1}
- g: a <- g.x={a:1}
- g: a <- ++g={x:9,k:1}
- g: a <- +g={k:1}
- g: a <- /g=b
- g: a <- g/=b
- g: a <- g:p=b"""


def pieces(block):
    return block.replace("\n", "|").split("|")


def with_defaults(lines, *overrides):
    text = "defaults:\n" + "".join(f"  {line}\n" for line in lines) + "a: 1\n"
    return {"files": {**OPTIONS, "config.yaml": text}, "overrides": list(overrides)}


def all_odd_cases():
    for override in pieces(SINGLES):
        yield {"files": FILE, "overrides": [override]}
    for line in pieces(SWEEPS):
        yield {"files": GROUPS, "overrides": line.split(";"), "multirun": True}
    for text in TEXTS.split("\n|"):
        for resolve in (False, True):
            yield {"files": {"config.yaml": text.rstrip("\n") + "\n"}, "overrides": [], "resolve": resolve}
    for block in DEFAULTS.replace("|- ", "\0- ").split("\0"):
        for overrides in ((), ("g=b",)):
            yield with_defaults(block.split("\n"), *overrides)
    for line in CHOICES.split("\n"):
        entry, overrides = line.split(" <- ")
        yield with_defaults([entry, "- _self_"], *overrides.split(" "))


def odd_cases(count=420):
    return random.Random(5).sample(list(all_odd_cases()), count)
