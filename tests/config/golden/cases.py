"""The cases that are compared with Hydra: files, overrides, what to look at."""

import random_cases as draws
from odd_cases import odd_cases

TREE = {
    "config.yaml": """\
defaults:
  - _self_
  - db: mysql
  - server: apache
  - optional extra: none_there
debug: false
lr: 1e-3
name: run_${db.driver}
nested:
  a: 1
  b: {c: 2, d: [1, 2, 3]}
  e: null
list: [1, two, 3.0, {x: 1}]
missing: ???
""",
    "db/mysql.yaml": "driver: mysql\nuser: omry\nport: 3306\n",
    "db/postgres.yaml": "driver: postgres\nuser: pg\npass: ${db.user}_secret\ntimeout: 10\n",
    "db/sqlite.yaml": "driver: sqlite\n",
    "server/apache.yaml": "defaults:\n  - ssl: off_\n  - _self_\nname: apache\nport: 80\n",
    "server/nginx.yaml": "defaults:\n  - ssl: on_\nname: nginx\nworkers: 4\n",
    "server/ssl/on_.yaml": "enabled: true\ncert: /a/b.pem\n",
    "server/ssl/off_.yaml": "enabled: false\n",
    "exp/fast.yaml": """\
# @package _global_
defaults:
  - override /db: postgres
  - override /server: nginx
lr: 0.5
nested:
  b: {c: 20}
""",
    "exp/deep.yaml": """\
# @package _global_
defaults:
  - override /server/ssl: on_
debug: true
""",
    "exp/bad.yaml": "# @package _global_\ndefaults:\n  - override /nothere: x\n",
    "plain/a.yaml": "x: 1\ny: {z: 2}\n",
    "plain/b.yaml": "x: 2\nw: 3\n",
    "plain/rel.yaml": "k: ${.j}\nj: 5\nup: ${..lr}\n",
}


def tree_cases():
    out = []

    def add(*overrides, **more):
        out.append({"files": TREE, "overrides": list(overrides), **more})

    singles = """
    |db=postgres|db=sqlite|server=nginx|server/ssl=on_|db=none|db=|~db|~db=mysql|~db=postgres|~server
    |db@db=postgres|db@source=mysql|+db@source=mysql|+db@source=postgres db@source.x=1|+db@a.b=sqlite
    |+plain=a|+plain=[a,b]|+plain=[b,a]|+plain@_global_=a|+plain@nested=a|+plain@nested.b=a|+plain=none
    |+exp=fast|+exp=deep|+exp=bad|+exp=[fast,deep]|+exp=fast db=sqlite|+exp=fast server=apache
    |++db=postgres|+db=postgres|db=[mysql,postgres]|db=5|db=true|db=null|+plain=null|~plain|~nothere
    |plain=a|server.ssl=on_|db.port=1|db.nope=1|+db.nope=1|++db.nope=1|+db.port=1|++db.port=1
    |debug=true|debug=yes|debug=True|debug=on|lr=1e-4|lr=.5|lr=5.|lr=1_000|lr=-1|lr=+1|lr=inf|lr=-inf
    |lr=nan|lr=NaN|lr=01|lr=1a|lr=0x10|lr=1e|lr=1__0|lr=null|lr=NULL|lr=Null|lr=~|lr=none
    |nested.a=2|nested.b=3|nested.b.c=x|nested.b.q=1|nested={a:2}|nested={q:2}|+nested={q:2}|++nested={q:2}
    |nested.b={c:5}|nested.b={c:{x:1}}|nested.b.d=[4]|nested.b.d=[]|nested.b.d={a:1}|nested.b={}|nested={}
    |nested.b.d.0=9|nested.b.d.3=9|nested.b.d.x=9|+nested.b.d.3=9|list.3.x=7|list.3.y=7|+list.3.y=7
    |list=[a,b]|list={a:1}|+list=[9]|++list=[9]|list=x|nested=5|nested=null|nested=???|missing=1|missing={a:1}
    |+missing=1|nested.a.b=1|+nested.a.b=1|++nested.a.b=1|nested.e.f=1|+nested.e.f=1|+nested.e=1|nested.e=1
    |~nested.a|~nested.a=1|~nested.a=2|~nested.b.c=2.0|~nested.e|~missing|~nested|~list|~list.0|~nested.b.d.0
    |~nested.b={c:2,d:[1,2,3]}|~nested.zz|~debug=false|~debug=0|~debug=true|~name
    |+a=1|+a.b.c=1|+a.b=[1,{c:2}]|+a={}|+a=[]|+a=''|+a=""|+a=|+a|a|=1|+=1|++a.b=1 ++a.c=2|+a=1 +a=2|+a=1 a=2
    |+a={b:1} +a={c:2}|+a={b:1} ++a.b=2|+a={b:1} a.b={c:2}|+a=[1,2] a.0=3|+a=[1,2] ~a.0
    |+a.0=1|+a.1b=1|+a.b-c=1|+a-b=1|+_a=1|+$a=1|+a$b=1|+1=2|+a.=1|+.a=1|+a..b=1|+a b=1|+a/b=1|+a@b=1|+a:b=1
    |hydra.run.dir=x|hydra.verbose=true|hydra/job_logging=none|hydra/launcher=basic|hydra/launcher=nope
    |hydra.job.name=x|hydra.nope=1|+hydra.nope=1|hydra.job.num=1,2
    """
    for block in singles.replace("\n", "").split("|"):
        add(*block.split("  ")[0].strip().split(" ")) if block.strip() else add()
    out.pop(0)
    values = r"""
    a b|a\ b|a\,b|a,b|'a,b'|"a,b"|'a b'|'it\'s'|"it's"|'say "x"'|"a\"b"|'a\\'|'a\b'|"\n"|'\\\''|'a'b|a'b'|'a' 'b'
    |a\=b|a=b|a\:b|a:b|http://x.y/z|a:b:c|/path/to-x_y.z|a@b.c|50%|a*b|a?|a+b|a-b|-a|--a|-|+|.|..|...|/|a|a|b
    |\\|\\\\|a\\b|a\b|\a|$|$a|${|${a|${}|${lr}|${lr}x|x${lr}|${nested.b.c}|${.a}|${nested.b}|${a:b}|${a b}
    |'${lr}'|'${'|\${lr}|'\${lr}'|${oc.env:CQ_GOLDEN_VAR}|'${oc.env:CQ_GOLDEN_UNSET,x}'|${oc.env:A,B}
    |[1,2]|[1, 2]|[ 1 , 2 ]|[]|[ ]|[1,]|[,]|[a b,c]|['a','b']|[[1],[2,[3]]]|[1,{a:b}]|[null,true,1.5,x]|[1
    |]|{a:1}|{a: 1, b: 2}|{ a : 1 }|{}|{a}|{a:}|{a:1,}|{a:1,a:2}|{a:{b:{c:1}}}|{1:a}|{1.5:a}|{true:a}|{null:a}
    |{'a':1}|{a b:c d}|{a:b:c}|{a:[1,2],b:{c:d}}|{$a:1}|{a.b:1}|{a-b:1}|{a/b:1}|{-1:1}|{a:'x y'}
    |int(1.7)|int('12')|int(x)|int(true)|int([1.2,2.7])|int({a:1.5})|int(-1.5)|float(1)|float('1e3')|float(true)
    |str(1)|str(1.0)|str(true)|str(null)|str([1,2])|str('a b')|str(1e-5)|str(1e16)|bool(1)|bool(0)|bool('true')
    |bool(x)|bool(False)|bool(0.0)|bool([0,1])|int(value=3.5)|int(3,value=4)|int()|foo(1)|str (1)|str( 1 )
    |sort([3,1,2])|sort([3,1,2],reverse=true)|sort([b,a])|sort([b,1])|sort(1)|sort([1,true,0.5])|sort(list=[2,1])
    |choice(1)|range(3)|interval(0,1)|glob(*)|tag(a,choice(1,2))|choice()|1,2|shuffle([1])|shuffle(1)
    |True|TRUE|tRue|yes|off|~|1e3|1E3|1e+3|1e-3|1.e3|.1e3|1.5e|e5|1_0.5|1._5|0|-0|+0|0.0|-0.0|00|0_1|1_|_1
    |9223372036854775807|-9223372036854775808|1.7976931348623157e308|1e400|1e-400|5e-324|0.1|100000000000000000.0
    |1e15|1e16|1e22|1e-4|1e-5|123456789.123456789|3.0e-10|inf|Infinity|-Inf|+inf|nano|null|nulls|Null
    |???|????|(a)|a(b)|f (x)|a;b|a#b|#a|a&b|a!b|!a|é|日本|a|<a>|`a`|^|a~b|~|a"b|"a|'a|a"|a	b|'a	b'|	a|a 	|{a:1}}
    """
    for value in values.strip("\n").replace("\n    ", "").strip().split("|"):
        add("+v=" + value)
    spaced = ["+v= a", "+v=a ", "+v=  ", "+v = a", " +v=a", "+v=\ta", "+v=[\t1\t]", "+v=a  b", "+v= [1] ",
              "+v='a' ", "+v= 'a'", "+v={a:1} ", "+v= 1 ", "+v=\\ a", "+v=a\\ ", "+v=1 2", "+v=true false",
              "+v='a,b',c", "+v=a|b", "+v=x\ny", "+v='x\ny'", "+v=\\t", "+v=\\n", "+v=a\\ \\ b", "+v=\\,\\,",
              "+v=${nested.b.d}", "+v=${list}", "+v=[${lr},'${debug}']", "+v={a:${lr}}", "+v={a:'${lr}'}",
              "+v='a\\\\'", "+v=\"a\\\\\\\"\"", "+v='\\\\'", "+v=''''", "+v=\"\"\"\""]
    for text in spaced:
        add(text)
    for value in ["1,2", "1,2,", ",1", "a,b c", "[1,2],[3]", "{a:1},{a:2}", "'a,b',c", "choice(a,b)",
                  "choice([1,2],[3])", "choice(1)", "choice(a,choice(b))", "choice(1,2),3", "range(3)",
                  "range(1,4)", "range(0,1,0.25)", "range(0,0.3,0.1)", "range(0.1,1,0.3)", "range(4,1,-1)",
                  "range(3,1)", "range(1,3,0)", "range(stop=3,start=1)", "range(0,5,step=2)", "range(1.0,3)",
                  "range(a)", "range(1,null)", "range(0,2,0.7)",
                  "sort(3,1,2)", "sort(range(4,1,-1))", "sort(range(1,4),reverse=true)", "sort(choice(b,a))",
                  "sort(1,a)", "sort(c,b,a,reverse=true)", "int(1.5,2.5)", "str(1,2)", "float(1,2)", "bool(0,1)",
                  "int(choice(1.5,2))", "float(range(1,3))", "str(range(1,3))", "int(range(0.5,3.5))", "tag(t,choice(1,2))",
                  "tag(choice(1,2))", "tag(a,b,range(2))", "tag(1,range(2))", "interval(0,1)", "true,false", "null,1",
                  "1e3,1e-7", "a\\,b,c", "'',x", "a b,c d", "${lr},1", "x=1,2", "1.0,1", "'1',\"2\"", "'it\\'s',b",
                  "glob(*)", "a:b,c", "int('3'),4", "shuffle(1)", "choice(null)", "???,1", "[a,'b c'],[d]",
                  "{a:'x,y'},{b:[1,{c:d}]}"]:
        add("+v=" + value, multirun=True)
    for overrides in ["db=mysql,postgres", "db=glob(*)", "db=glob(*s*)", "db=glob(*,exclude=my*)",
                      "db=glob([m*,s*])", "db=glob(m[xy]*)", "db=glob(?ysql)", "server=glob(nope)", "db=mysql,postgres server=nginx,apache",
                      "db=choice(mysql,sqlite) lr=1,2", "lr=1,2 debug=true,false nested.a=1", "lr=1,2 lr=3",
                      "lr=1 lr=2,3", "+plain=a,b", "+plain=[a,b],a", "db=mysql,nope", "db=mysql,postgres db.user=x",
                      "db=postgres,mysql db.pass=1", "+exp=fast,deep", "+exp=fast db=mysql,sqlite", "~db", "~nested.a lr=1,2",
                      "+a=1,2 ++a=3", "db@db=mysql,postgres", "+db@x=mysql,postgres", "lr=", "lr=''", "lr='a b'",
                      "hydra.sweep.dir=x lr=1,2", "", "nested={a:2},{a:3}", "lr=1,2 nope=1", "server/ssl=on_,off_",
                      "name='${db.user},x',y", "db=[mysql,postgres]", "+plain=[a,b]"]:
        add(*([o for o in overrides.split(" ")] if "'" not in overrides else [overrides]) if overrides else [],
            multirun=True)
    for overrides in ["+missing2=1", "db=postgres", "+plain=rel", "+exp=fast", "+v=${nested.b}", "+v=${list.3.x}",
                      "+v='${list[1]} ${nested[b].c}'", "+v=${missing}", "+v=${nope}", "+v=${v}", "+v=${oc.env:CQ_GOLDEN_VAR}"]:
        add(overrides, resolve=True)
    return out


def yaml_cases():
    texts = [
        "a: yes\nb: no\nc: on\nd: off\ne: y\nf: n\ng: True\nh: FALSE\ni: tRue\n",
        "a: 1e-4\nb: 1e4\nc: 1.0e4\nd: .5\ne: -.5\nf: +.5\ng: 5.\nh: 1.e5\ni: 1_000\nj: 1_000.5\nk: .5e5\nl: .5e+5\n",
        "a: 0x1F\nb: 0o17\nc: 017\nd: 08\ne: 0b101\nf: 0\ng: 00\nh: -0x1f\ni: +12\nj: 1__0\nk: 0_7\nl: 09.5\nm: 0x_\n",
        "a: 1:30\nb: 1:30:45\nc: 1:60\nd: 190:20:30.15\ne: 01:30\nf: -1:30\n",
        "a: .inf\nb: -.inf\nc: .nan\nd: .NaN\ne: +.INF\nf: inf\ng: nan\nh: -.nan\n",
        "a: ~\nb: null\nc: Null\nd: NULL\ne:\nf: nUll\ng: ''\nh: none\n",
        "a: 2001-12-14\nb: 2001-12-14t21:59:43.10-05:00\nc: 12:30:45\n",
        "a: '1'\nb: \"true\"\nc: 'null'\nd: \"1e3\"\ne: '~'\n",
        "a: \"x\\ty\\n\\u00e9\\x41\\\"\"\nb: 'it''s'\nc: \"a\\\n  b\"\nd: \"a\n  b\n\n  c\"\n",
        "a: |\n  line1\n   line2\n\n  line3\nb: >\n  fold\n  ed\n\n  para\nc: |-\n  x\nd: >+\n  y\n\ne: |2\n   z\n",
        "a: x y z\nb: x\n  y\n  z\nc: a#b\nd: a #b\ne: http://x.y:80/z\nf: a:b\ng: -x\nh: '- x'\n",
        "a: [1, 2, [3, 4], {b: c}]\nb: {x: 1, y: [a, b]}\nc: []\nd: {}\ne: [a, b,]\nf: {a, b: 1}\ng: [a: 1, b: 2]\n",
        "a: {\"x\":1, 'y':2}\nb: {x:1}\nc: [x:1]\nd: {a: http://x, b: c}\n",
        "- 1\n- 2\n", "just a string\n", "", "# nothing\n", "null\n", "---\na: 1\n", "a: 1\n...\n", "%YAML 1.1\n---\na: 1\n",
        "1: a\n2.5: b\ntrue: c\nyes2: d\n", "~: a\n", "null: a\n", "? a\n: 1\n? [1]\n: 2\n", "? a\n: 1\n? b\n", "[a]: 1\n",
        "a: 1\na: 2\n", "a: 1\n\"a\": 2\n", "a: {b: 1, b: 2}\n", "a: [{b: 1, b: 2}]\n",
        "a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n", "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3\n",
        "a: &x {b: 1}\nb: &y {b: 2, c: 3}\nd: {<<: [*x, *y], z: 1}\n", "a: *nope\n", "a: &x [1, *x]\n", "a: {<<: 1}\n",
        "a: &s hello\nb: *s\nc: [*s, *s]\n",
        "a: =\n", "a: <<\n", "a: '<<'\n", "a: !\n", "a: @x\n", "a: `x\n", "a: %x\n", "a: &\n", "a: *\n", "a: |x\n", "a: >\n",
        "a: b: c\n", "a: 'x'y\n", "a: [1, 2\n", "a: {b: 1\n", "a: ]\n", "a: 1\n  b: 2\n", "a:\n  b: 1\n c: 2\n", "a: 1\nb\n",
        "a:1\n", "a: \"x\n", "a: 'x\n", "a: \"\\q\"\n", "- a\nb: c\n", "a:\n- 1\n- 2\nb: 3\n", "a:\n  - 1\n  -\n  - x: 1\n    y: 2\n",
        "a: - b\n", "a: -\n", "a: ?\n", "a: ? b\n", "a: ',x'\nb: x,y\nc: x]y\nd: x{y\n", "a: [x#y, 'z']\n", "a: # c\n  b: 1\n",
        "a: 1 # c\n#c\nb: 2\n", "a: 1#c\n", "a: \"1\" # c\n", "a.b: 1\nc-d: 2\ne/f: 3\n\"g h\": 4\n", "a: ${b}\nb: 2\n", "a: ${b\nb: 1\n",
        "a: ${}\n", "a: $b\nc: ${.d}\nd: 1\n", "a: '${oc.env:X,\"y\"}'\n", "a: \\${b}\n", "a: ${b.}\n", "a: ${b..c}\n", "a: ${a b}\n",
        "a: ${x:y\n", "a: '${x:[1,2]}'\n", "a: '${x:{a:1}}'\n", "a: ${x:'y}\n", "a: '${x:a,,b}'\n", "a: '${x:a=b}'\n", "a: '${x:~}'\n",
        "a: ???\nb: '???'\nc: ????\n", "a: 12345678901\nb: -9223372036854775808\n", "a: 1.7976931348623157e+308\nb: 5e-324\nc: 1e400\n",
        "é: ü\n日本: 語\nemoji: 😀\n", "a: \"\\U0001F600\"\n", "a: 'x\n\n  y'\n", "a: x\n\n  y\n", "a: 3.14_15\nb: 3_.14\nc: 1e1_0\nd: 1_0e1\n",
        "a: 1.\nb: -1.\nc: +1.\nd: 1.0.0\ne: 1..\nf: ..\ng: .\nh: -\n", "a: +\nb: e5\nc: 1e\nd: 1e+\ne: .e5\nf: 0e0\n",
        "a: [yes, no, 1e3, 0x10, ~, '1']\nb: {on: off, 1: x, 2.5: y}\n", "{a: 1, b: [2]}\n", "a: 1\r\nb: 2\r\n", "a: 1\n\n\n\nb: 2",
        "a:   1\nb:     x   \n", "  a: 1\n  b: 2\n", "a: |\n\n  x\n", "a: |\nb: 1\n", "a: >-\n  x\n    y\n  z\n", "a:\n    b:\n          c: 1\n",
        "a: [\n1,\n2\n]\n", "a: {\n  b: 1,\n  c: 2 }\n", "a: [a b, c d]\n", "a: [1 2]\n", "a: [[]]\nb: [{}]\nc: {d: {}}\n", "a: {b: }\n", "a: [,]\n", "a: {,}\n",
        "defaults:\n  - _self_\na: 1\n", "defaults: []\na: 1\n", "defaults: null\n", "defaults: {}\n", "defaults: x\n", "hydra:\n  run:\n    dir: x\na: 1\n",
        "hydra:\n  nope: 1\na: 1\n", "a: 1\t\n", "a:\t1\n", "\ta: 1\n", "a:\n\tb: 1\n", "a: x\ty\n", "a: 'x\ty'\n", "a: |\n  x\ty\n  \tz\n", "a: [1,\t2]\n", "a: 1 #\tx\n", "#\tx\na: 1\n",
        "a: 1\n---\nb: 2\n", "---\n---\na: 1\n", "a: 1\n---\n", "a: 'a: b'\nb: 'x #y'\nc: \"# z\"\nd: '[x]'\ne: '{x}'\nf: '&x'\ng: '*x'\nh: '!x'\ni: '%x'\nj: '@x'\n",
        "a: ' x '\nb: 'x:'\nc: ':x'\nd: '-'\ne: '?'\nf: '---'\ng: '...'\nh: \"\\0\\x07\\u2028\\ufeff\\x85\\xa0\"\n",
        "a: '1_000'\nb: '0o7'\nc: '2001-01-01'\nd: '1:30'\ne: 'NO'\nf: '.inf'\ng: ' 12 '\nh: 'infinity'\ni: '='\nj: '<<'\nk: 'y'\n",
    ]
    return [{"files": {"config.yaml": text}} for text in texts]


def interpolation_cases():
    base = {
        "a": "1", "b": "text", "f": "1.50", "t": "true", "n": "null", "l": "[1, [2, 3], {k: v}]",
        "d": "{x: 1, y: {z: ${.w}, w: 7}, r: ${..a}, q: ${a}}", "m": "???", "k": "b", "pa": "d.x", "one": "x",
        "num": "'12'", "esc": "'\\${a}'", "lst": "'[1, 2, {a: b}]'", "dict": "'{a: 1, b: [2]}'", "e": "''", "1st": "9",
        "k-x": "3", "$s": "4", "deep": "{a: {b: {c: ${....a}}}}",
    }
    head = "".join(f"{key}: {value}\n" for key, value in base.items())
    expressions = r"""
    ${a}|${b}|${f}|${t}|${n}|${l}|${d}|${m}|${nope}|${d.x}|${d.y.z}|${d.r}|${l.0}|${l[1][0]}|${l.1.1}|${l.2.k}|${l[2].k}
    |${l.9}|${l.x}|${l.-1}|${[a]}|${[d].x}|${d[x]}|${d[y][z]}|${d.nope}|${a.b}|${n.x}|${ a }|${a }|${ a}|x${a}|${a}x|${a}${b}
    |${f}${t}${n}|x ${l} y|x ${d.y} y|${${k}}|${d.${one}}|${${pa}}|${d[${one}]}|x${${k}}x|${${a}}|${${nope}}|${m}x|${esc}|x${esc}
    |\${a}|\\${a}|\\\${a}|\\\\${a}|a\b${a}|\a${a}|$${a}|$a ${a}|${a}$|${a}\|${a}\\|{${a}}|${1st}|${k-x}|${$s}|${deep.a.b.c}|${deep}
    |${.a}|${.d.x}|${..a}|${...a}|${oc.env:CQ_GOLDEN_VAR}|${oc.env:CQ_GOLDEN_UNSET}|${oc.env:CQ_GOLDEN_UNSET,x}|${oc.env:CQ_GOLDEN_UNSET,null}
    |${oc.env:CQ_GOLDEN_UNSET,1}|${oc.env:CQ_GOLDEN_UNSET,1.50}|${oc.env:CQ_GOLDEN_UNSET,true}|${oc.env:CQ_GOLDEN_UNSET,[1,a]}|${oc.env:CQ_GOLDEN_UNSET,{a:1}}
    |${oc.env:CQ_GOLDEN_UNSET,${a}}|${oc.env:CQ_GOLDEN_UNSET,'a b'}|${oc.env:CQ_GOLDEN_UNSET,"${b}!"}|${oc.env:CQ_GOLDEN_UNSET,a b}|${oc.env:CQ_GOLDEN_UNSET,}
    |${oc.env:CQ_GOLDEN_UNSET, }|${oc.env:}|${oc.env:a,b,c}|${oc.env:1}|${oc.env: CQ_GOLDEN_VAR }|${ oc.env : CQ_GOLDEN_VAR}|${oc.env:'CQ_GOLDEN_VAR'}
    |${oc.env:CQ_GOLDEN_UNSET,a\,b}|${oc.env:CQ_GOLDEN_UNSET,a\ b}|${oc.env:CQ_GOLDEN_UNSET,'it\'s'}|${oc.env:CQ_GOLDEN_UNSET,http://x:1/y}|${oc.env:CQ_GOLDEN_UNSET,/a-b_c.d}
    |${oc.env:CQ_GOLDEN_UNSET,'\\'}|${oc.env:CQ_GOLDEN_UNSET,'a\\b'}|${oc.env:CQ_GOLDEN_UNSET,'\${a}'}|${oc.env:CQ_GOLDEN_UNSET,'\\${a}'}|${oc.env:CQ_GOLDEN_UNSET,"x'y"}
    |${oc.select:a}|${oc.select:nope}|${oc.select:nope,5}|${oc.select:nope,${a}}|${oc.select:m}|${oc.select:m,5}|${oc.select:n,5}|${oc.select:d}|${oc.select:d.y}
    |${oc.select:.a}|${oc.select:a.b,1}|${oc.select:l.0}|${oc.select:l.9,1}|${oc.select:nope,[1,{a:b}]}|${oc.select:nope,null}|${oc.select:${k}}|${oc.select:d.nope.x,1}
    |${oc.decode:'12'}|${oc.decode:${num}}|${oc.decode:${lst}}|${oc.decode:${dict}}|${oc.decode:'1e3'}|${oc.decode:null}|${oc.decode:'null'}|${oc.decode:'a b'}|${oc.decode:1}
    |${oc.decode:'[1,'}|${oc.decode:"'x'"}|${oc.decode:'${a}'}|${oc.decode:'\${a}'}|${oc.decode:''}|${oc.decode:'true'}|${oc.decode:${oc.env:CQ_GOLDEN_UNSET,3}}
    |${oc.create:{a:1,b:[2]}}|${oc.create:[1,2]}|${oc.create:{x:${a}}}|${oc.create:'a: 1'}|${oc.create:'${dict}'}|${oc.create:${dict}}|${oc.create:${d.y}}|${oc.create:5}
    |${oc.dict.keys:d}|${oc.dict.values:d}|${oc.dict.keys:d.y}|${oc.dict.values:d.y}|${oc.dict.keys:nope}|${oc.dict.keys:l}|${oc.dict.keys:a}|${oc.dict.keys:.d}|${oc.dict.values:.d}
    |${oc.dict.keys:m}|${nope:1}|${oc.nope:1}|${oc.env}|${oc.${k}:1}|${oc.${one}:1}|${a:}|${:a}|${a:b:c}|${.a:b}|${a[0]:b}|${[a]:b}|${a,b}|${a|b}|${a/b}|${a@b}
    |${v}|x${v}|${w}|${d.v}|${self.v}
    """
    out = []
    for text in expressions.strip("\n").replace("\n    ", "").strip().split("|${"):
        value = text if not out else "${" + text
        out.append(value)
    cases = []
    for value in out:
        quoted = "'" + value.replace("'", "''") + "'"
        cases.append({"files": {"config.yaml": head + f"v: {quoted}\n"}, "resolve": True})
    more = [
        "a: ${b}\nb: ${c}\nc: ${a}\n", "a: ${a}\n", "a: {b: ${a}}\n", "a: {b: ${c}}\nc: {d: ${a}}\n", "a: ${b}x\nb: ${a}y\n",
        "a: [1, '${a}']\n", "a: {b: 1, c: ${.b}}\nd: ${a}\ne: {b: 2, f: ${a.c}}\n", "a: ${b}\nb: {c: ${.d}, d: 1}\n",
        "a: [1, '${.0}', '${..b}']\nb: 5\n", "a: {l: ['${..x}', {y: '${...x}'}], x: 3}\n", "a: ${b.c}\nb: ${d}\nd: {c: 4}\n",
        "a: ${b.c}\nb: ${m}\nm: ???\n", "a: ${b}\nb: ???\n", "a: '${b} ${b}'\nb: ???\n", "a: ???\nb: 1\n", "a: '${oc.select:b,${c}}'\nc: 3\n",
        "a: '${oc.select:b,${c}}'\nb: 1\n", "a: {x: 1}\nb: '${oc.dict.values:a}'\nc: '${oc.dict.keys:a}'\nd: '${.b}'\n", "a: {b: {c: ${a.d}}, d: ${.e}, e: 1}\n",
        "a: 1\nb: {1: x}\nc: ${b.1}\n", "a: yes\nb: '${a}!'\nc: 1e-7\nd: '${c}!'\ne: 1e20\nf: '${e}!'\n", "a: {b: {x: 1}}\nc: ${a.b}\nd: '${c.x}'\n",
        "a: '${b}'\nb: '${oc.env:CQ_GOLDEN_VAR} and ${oc.env:CQ_GOLDEN_VAR}'\n", "a: {b: '${oc.create:{x:${.c}}}', c: 2}\n", "a: ['${b}', '${b}']\nb: [1, '${c}']\nc: 3\n",
    ]
    return cases + [{"files": {"config.yaml": text}, "resolve": True} for text in more]


def defaults_cases():
    out = []

    def add(files, *overrides, **more):
        base = {"g/x.yaml": "v: x\n", "g/y.yaml": "v: y\nw: 2\n", "h/x.yaml": "u: hx\n", "h/y.yaml": "u: hy\n",
                "g/sub/p.yaml": "s: p\n", "g/sub/q.yaml": "s: q\n", "one.yaml": "o: 1\n",
                "g/abs.yaml": "# @package _global_\nabs: 1\n", "g/pkg.yaml": "# @package a.b\nin: 1\n",
                "g/nest.yaml": "defaults:\n  - sub: p\n  - _self_\nn: 1\n", "g/nest2.yaml": "defaults:\n  - /h: x\nn: 2\n",
                "g/nest3.yaml": "defaults:\n  - /h@inner: x\n  - sub@there: q\n  - x\n  - _self_\nv: 3\n"}
        base.update(files if isinstance(files, dict) else {"config.yaml": files})
        out.append({"files": base, "overrides": list(overrides), **more})

    lists = [
        "- g: x", "- g: x\n- _self_", "- _self_\n- g: x", "- g: x\n- h: y", "- one", "- one\n- _self_", "- g/x", "- /g/x", "- g/x@z", "- one@z",
        "- g@z: x", "- g@_global_: x", "- g@: x", "- g@_here_: x", "- g@a.b: x", "- g: [x, y]", "- g: [y, x]", "- g@z: [x, y]", "- g: []", "- g: null",
        "- g: nope", "- optional g: nope", "- optional nope: x", "- g: ???", "- nope: x", "- nope", "- optional one: x", "- g: x\n- g: y", "- g: x\n- g: x",
        "- g@a: x\n- g@b: y", "- g@a: x\n- g@a: y", "- g: x\n- override g: y", "- override g: y\n- g: x", "- override g: y", "- g: x\n- override g: nope",
        "- g@a: x\n- override g@a: y", "- g@a: x\n- override g: y", "- g: abs", "- g: pkg", "- g@z: abs", "- g@z: pkg", "- g: nest", "- g: nest2", "- g: nest3",
        "- g@z: nest", "- g@z: nest2", "- g@z: nest3", "- g: nest\n- override g/sub: q", "- g: nest\n- override h: y", "- g: nest2\n- override h@g.h: y",
        "- g: nest2\n- override /h@g.h: y", "- g: x\n- h: ${g}", "- h: ${g}\n- g: x", "- g: x\n- h: ${nope}", "- g: x\n- h: x${g}", "- h: x\n- g: ${h}\n- g/sub: p",
        "- g: x\n- g_${g}: p", "- g/sub: p", "- g/sub@k: p", "- g/sub@_group_: p", "- g@_group_.z: x", "- g@x:y: x", "- _self_\n- _self_\n- g: x", "- {g: x, h: y}", "- {}", "- 5", "- [g]", "- g: 5",
        "- g: true", "- g: {a: b}", "- g: [x, 1]", "- null", "- ???", "- ${g}", "- g: x\n- h/${g}", "- optional g: null", "- override optional g: x", "- optional override g: x\n- g: x",
        "- g: x\n- optional override g: y", "- bogus g: x", "- g: x.yaml", "- g: sub/p", "- hydra/job_logging: none", "- override hydra/job_logging: none", "- override hydra/launcher: nope",
        "- override hydra/job_logging: none\n- g: x", "- g: x\n- override hydra/job_logging: none", "- _self_@x", "- g: _self_", "- /g: x", "- /g@z: x", "- /g/sub: p", "- g:  x", "- 'g ': x", "- g: ''", "- g@z.: x",
        "- g: [nest, x]", "- g: ['${h}']\n- h: x", "- g: x\n- one\n- h: y\n- _self_",
    ]
    content = "\nv: top\ng: {v: own, extra: 1}\nz: {k: 1}\n"
    for text in lists:
        add("defaults:\n" + "".join(f"  {line}\n" for line in text.split("\n")) + content)
        if len(out) % 4 == 0:
            add("defaults:\n" + "".join(f"  {line}\n" for line in text.split("\n")), "+late=1")
    headers = ["# @package _global_", "#@package a", "#  @package   a.b", "## @package a", "# @package", "# @package a b", "\n\n# @package a", "# comment\n# @package a", "# @other x\n# @package a",
               "x: 1\n# @package a", "# @package _group_", "# @package foo._group_", "# @package _name_", "# @package _global_.a.b", "# @PACKAGE a", "# @package: a", "#@package _global_"]
    for header in headers:
        add({"config.yaml": "defaults:\n  - g: hd\n", "g/hd.yaml": header + "\nk: 1\n"})
        add({"config.yaml": "defaults:\n  - g@p: hd\n", "g/hd.yaml": header + "\nk: 1\n"})
    add({"config.yaml": "# @package foo\ndefaults:\n  - g: x\na: 1\n"})
    add({"config.yaml": "# @package foo\na: 1\n"}, "foo.a=2")
    overrides = ["g=y", "h=y", "+h=y", "g/sub=q", "+g/sub=q", "g@z=y", "+g@z=y", "~g", "~g=x", "~g=y", "~h", "g=nest", "g=nest g/sub=q", "g=nest2 h@g.h=y", "g=[x,y]",
                 "g=abs", "g=pkg", "+one=1", "g=nope", "g=''", "g=x h=x", "+h=x +h=y", "+h@a=x +h@b=y", "+h@_global_=x", "+h@g=x", "g.v=1", "g=y g.w=3", "g.w=3", "+g.w=3",
                 "~g g.v=1", "~g +g.v=1", "g={v:5}", "+g={q:5}", "g=x.yaml", "g=sub/p", "/g=y", "g/=y", "g@=y", "+h@=x", "g@g=y", "g@_global_.g=y", "+h@_here_=x", "+h@a.b.c=y", "g=x,y"]
    for override in overrides:
        add("defaults:\n  - g: x\n  - _self_\na: 1\n", *override.split(" "))
        add("defaults:\n  - g: x\n  - g@z: y\n", *override.split(" "))
    add({"config.yaml": "defaults:\n  - g: loop\n", "g/loop.yaml": "defaults:\n  - loop\n"})
    add({"config.yaml": "defaults:\n  - a\n  - b\n", "a.yaml": "x: 1\nl: [1, 2]\nd: {p: 1}\n", "b.yaml": "x: {y: 1}\nl: [3]\nd: {q: 2}\n"})
    merges = [("x: 1", "x: {y: 1}"), ("x: {y: 1}", "x: 1"), ("x: {y: 1}", "x: [1]"), ("x: [1]", "x: {y: 1}"), ("x: [1]", "x: 5"), ("x: {y: 1}", "x: null"), ("x: null", "x: {y: 1}"),
              ("x: {y: 1}", "x: ???"), ("x: ???", "x: {y: 1}"), ("x: 1", "x: ???"), ("x: ???", "x: 1"), ("x: {y: 1}", "x: ${z}"), ("x: ${z}\nz: {y: 1}", "x: {w: 2}"), ("x: ${z}\nz: 5", "x: {w: 2}"),
              ("x: ${z}\nz: {y: 1}", "x: 3"), ("x: ${z}\nz: {y: 1}", "x: ???"), ("x: ${nope}", "x: {w: 2}"), ("x: ${z}\nz: [1]", "x: [2]"), ("x: ${z}\nz: [1]", "x: {a: 1}"), ("x: {y: {z: 1, w: [1]}}", "x: {y: {z: 2}}"),
              ("x: {}", "x: {a: 1}"), ("x: {a: 1}", "x: {}"), ("x: []", "x: [1]"), ("x: [1, 2]", "x: []"), ("1: a", "1: b"), ("1: a", "'1': b"), ("x: 1\ny: 2", "y: 3\nx: 4\nz: 5")]
    for one, two in merges:
        add({"config.yaml": "defaults:\n  - a\n  - b\n", "a.yaml": one + "\n", "b.yaml": two + "\n"})
    add({"config.yaml": "defaults:\n  - g: x\n", "more/g/z.yaml": "v: z\n", "more/g/x.yaml": "v: other\n"}, "g=z", dirs=["more"])
    add({"config.yaml": "defaults:\n  - g: x\n", "more/g/z.yaml": "v: z\n", "more/g/x.yaml": "v: other\n"}, dirs=["more"])
    add({"config.yaml": "defaults:\n  - new: n\n", "more/new/n.yaml": "v: z\n"}, dirs=["more"])
    add({"config.yaml": "defaults:\n  - g: ???\n"}, "g=x,y", multirun=True)
    add({"config.yaml": "defaults:\n  - g: ???\n"}, "g=y")
    add({"config.yaml": "hydra:\n  sweeper:\n    params:\n      a: 1,2\n      b: range(2)\na: 0\nb: 0\n"}, multirun=True)
    add({"config.yaml": "hydra:\n  sweeper:\n    params:\n      a: 1,2\na: 0\nb: 0\n"}, "a=5,6", "b=1,2", multirun=True)
    add({"other.yaml": "a: 1\n", "config.yaml": "a: 2\n"}, primary="other")
    add({"config.yaml": "a: 1\n"}, primary="absent")
    return out


def more_cases():
    """What differed once, or what the grammars make easy to get wrong."""
    sweeps = ["range(0,0.4,0.1)", "range(0.1,0.5,0.1)", "range(0,1,0.1)", "range(1,0,-0.25)", "range(0.3,0,-0.1)", "range(0,1e-3,2.5e-4)", "range(0,0.8,0.2)", "range(1,2)", "range(2.0)",
              "range(-1,1,0.5)", "range(0,1.6,0.2)", "range(9007199254740993,9007199254740995)", "sort(range(0,0.4,0.1),reverse=true)", "sort([[2],[1,5],[1]])", "sort('b','a')", "sort(['b','a'])",
              "sort([a])", "sort(null)", "sort(a,null)", "sort({a:1})", "sort([1,true,0])", "sort([B,a,C])", "sort(b,B,a)", "sort(10,9,8.5)", "choice(range(3))", "sort(list=[3,1])", "sort(sweep=choice(2,1))",
              "sort(list=choice(2,1))", "shuffle(null)", "shuffle([])", "int(range(0.5,3.5))", "float(range(3))", "str(choice(1,true,a b))", "tag(a,b,choice(1,2))", "tag(sweep=choice(1,2))", "json_str({a:1})",
              "extend_list(1)", "choice('a,b','c d')", "choice([a,'b c'],{x:'y z'})", "choice(a)", "choice(choice(a,b))", "choice(sort(b,a))", "'${p}',${q}", "a=b,c", "'',''", "null,", "[],{}", "1,1", "1e400,0",
              "glob(a,b,c)", "interval(0,1)", "interval(a,1)", "true,1", "range(1,10,4),5", "bool(choice(true,0))"]
    out = [{"files": {"config.yaml": "p: 1\nq: 2\nv: 0\n"}, "overrides": ["v=" + text], "multirun": True} for text in sweeps]
    tree = {"config.yaml": "defaults:\n  - db: a\n  - _self_\nlr: 1\nhydra:\n  sweeper:\n    params:\n      db: a,b\n      lr: range(0.1,0.5,0.2)\n",
            "db/a.yaml": "k: a\n", "db/b.yaml": "k: b\n", "db/c.yaml": "k: c\n", "more/db/d.yaml": "k: d\n"}
    for overrides in ([], ["lr=5"], ["db=c"], ["+db@x=a,b", "lr=1"], ["~db", "lr=1"], ["db=glob(*)", "lr=2"], ["db=glob([a,c])", "lr=2"], ["db=glob(*,exclude=[a])", "lr=3"], ["db.k=1,2"], ["++new=1,2", "db=a"]):
        out.append({"files": tree, "overrides": overrides, "multirun": True})
    out.append({"files": {**tree, "config.yaml": "defaults:\n  - db: a\nhydra:\n  mode: MULTIRUN\nlr: 1\n"}, "overrides": ["db=a,b"]})
    for text in ["=: 1\n", "a: {=: 1}\n", "a: [=]\n", "...\n", "...\na: 1\n", "---\n...\n", "a: 1\n...\n...\n", "a: 1\n...\n# end\n", "a: !", "%YAML 1.1\n...\n", "a: !!str 1\n", "1: a\n1: b\n", "true: a\nyes: b\n",
                 "a: &x 1\nb: &x 2\nc: *x\n", "a: |\n  x\n \n  y\n", "a: \"x\\\n   y\"\n", "a: 'x\n  # y'\n", "a: x\n  # y\n", "a: [x,\n# c\n y]\n", "? |\n  k\n: v\n", "? 'a b'\n: {c: d}\n", "a: - 1\n", "-\n", "- - a\n  - b\n"]:
        out.append({"files": {"config.yaml": text}})
    for value in ["${oc.deprecated:a}", "${oc.deprecated:a,'$OLD_KEY to $NEW_KEY'}", "${oc.deprecated:nope}", "${oc.deprecated:m}", "${oc.deprecated:n.b}", "${oc.deprecated:a,5}", "${oc.deprecated:}", "${oc.deprecated:.a}"]:
        out.append({"files": {"config.yaml": "a: 1\nm: ???\nn: {b: {c: ${..d}, d: 2}, d: 3}\nv: \"" + value + "\"\n"}, "resolve": True})
    return out + hydra_types() + once_different()


def hydra_types():
    """Values below `hydra`, which has types, from a file and from the command line."""
    values = {"mode": ["abc", "RUN", "run", "RunMode.RUN", "1", "3", "'2'", "null", "true", "[]", "${a}"], "run": ["x", "{}", "null", "[]"], "run.dir": ["1", "true", "null", "[]", "{}", "${a}"],
              "output_subdir": ["null", "x", "[a]"], "overrides.task": ["[a,1]", "[null]", "null", "x"], "job": ["x", "{}"], "job.num": ["1", "'2'", "1.5", "true", "null", "x"], "job.chdir": ["null", "yes", "0", "1.5", "maybe", "'Off'"],
              "job.config_name": ["null", "{}"], "job.env_set": ["{a: 1}", "{}", "null", "x"], "job_logging": ["null", "{x: 1}", "[]"], "verbose": ["true", "[a]", "null"], "env": ["null", "{x: 1}"],
              "sweeper.max_batch_size": ["null", "3", "x", "true"], "launcher": ["null", "{}", "{a: 1}"], "help.header": ["x", "null"]}
    out = []
    for path, options in values.items():
        for value in options:
            lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate(("hydra." + path).split("."))]
            out.append({"files": {"config.yaml": "\n".join(lines) + f" {value}\na: 1\n"}})
            out.append({"files": {"config.yaml": "a: 1\n"}, "overrides": [f"hydra.{path}={value}"]})
    for mode in ("2", "MULTIRUN", "RunMode.MULTIRUN"):
        out.append({"files": {"config.yaml": f"hydra:\n  mode: {mode}\na: 1\n"}, "overrides": ["a=1,2"], "multirun": True})
    return out


def once_different():
    """What a search with another generator than random_cases.py found."""
    base = "d: {a: 1, b: {c: x, up: '${..a}'}, k: s}\nrd: ${d.b}\ni: 7\n"
    out = []
    for value in ["x ${oc.dict.values:d}", "${oc.dict.values:d}", "${oc.dict.values:rd}$", "${oc.dict.values:.d} ${oc.dict.keys:rd}", "${oc.env:CQ_GOLDEN_UNSET,${oc.dict.values:d.b}}", "${oc.create:{null: 1}}", "${oc.create:[{a: {null: 1}}]}",
                  "${oc.create:'1'}", "${oc.create:'1'}$", "${oc.create:'true'}", "${oc.create:'word'}", "${oc.select:'d.[a]'}", "${oc.select:'[d].a'}", "${oc.select:'d[b]c'}", "${oc.select:'d[b'}", "${oc.select:'d..a'}"]:
        out.append({"files": {"config.yaml": base + "v: \"" + value + "\"\nn: {d: {z: 2}, w: [\"" + value + "\"]}\n"}, "resolve": True})
    for text in ["a: {b:[1]}\n", "a: {b:{c:[1],d: 2},e: 3}\n", "a: [b:[1], c:{}]\n", "a: {é:[ü],'q':{x: 1}, f: [{g:[]}]}\n", "a: {b:,c: 1}\n", "a: {b:}\n", "a: {b::[1]}\n", "a: {b:c:[1]}\n"]:
        out.append({"files": {"config.yaml": text}})
    for overrides in (["~rd.c"], ["~rd.up", "rd=1"], ["~rd.nope"], ["~rd"], ["+new.a=${d}", "~new.a.k"]):
        out.append({"files": {"config.yaml": base}, "overrides": overrides})
    return out


def random_cases():
    """A few of each kind of random_cases.py; scripts/compare_hydra draws others."""
    draw = draws.Draw(20260101)
    return [draws.KINDS[kind][0](draw) for kind in ("overrides", "interpolations", "lines", "trees") for _ in range(60)]


def all_cases():
    return more_cases() + random_cases() + tree_cases() + yaml_cases() + interpolation_cases() + defaults_cases() + odd_cases()
