"""Whole pages in the structure of content managers, forums, shops and hand-made sites.

Sentences that belong to the content have a word that starts with KEEP, all others one that starts with GONE.
"""

from __future__ import annotations

A = (
    "The KEEPone ferry of Osten crosses the river in four minutes and carries twelve cars, if no lorry is among them. "
    "In spring the water is so high that the ramp has to be moved twice a day, which two people do by hand. "
)
B = (
    "Its KEEPtwo rope was laid in 1931 and has been mended at three places since, the last time after a barge "
    "of gravel had torn it in the night. The ferryman heard it from his bed and rowed out with a lantern. "
)
C = "Whoever wants to cross after dark KEEPthree rings the bell at the landing and waits until a lamp is swung twice. "


def links(word: str, number: int = 6, tag: str = "ul") -> str:
    """Return a list of links to other pages whose texts have the word GONE in them."""
    items = "".join(f"<li><a href='/{word}/{n}'>{word} GONElink {n}</a></li>" for n in range(number))
    return f"<{tag}>{items}</{tag}>"


def _page(head: str, body: str) -> str:
    return f"<!DOCTYPE html><html lang=en><head><title>{head}</title></head>{body}</html>"


_TEXT = f"<p>{A}</p><p>{B}</p><h2>At KEEPhead night</h2><p>{C}</p>"

SITE_PAGES: dict[str, str] = {
    "wordpress classic theme": _page(
        "The KEEPtitle ferry",
        f"""<body class='post-template-default single single-post'><div id=page class=hfeed><div id=header role=banner>
<h1><a href='/'>River GONEsite notes</a></h1><div class=description>Just another GONEtagline river weblog</div></div>
<div id=content class=narrowcolumn role=main><div class=navigation><div class=alignleft>&laquo; <a href='/a' rel=prev>
A GONEprev bridge</a></div></div><div class='post-12 post type-post hentry' id=post-12><h2>The KEEPtitle ferry</h2>
<div class=entry>{_TEXT}<p class='postmetadata alt'><small>This entry was posted GONEposted on Monday, May 3rd, 2010 and
is filed under <a href='/c'>Rivers</a>. You can follow any responses to this entry.</small></p></div></div>
<h3 id=comments>3 Responses to GONEresponses</h3><ol class=commentlist><li class='alt comment' id=comment-1>
<cite>Ada</cite> Says:<p>My GONEcomment grandfather was the ferryman there for thirty years, a fine text.</p></li></ol>
<h3>Leave a Reply</h3><form><p><input name=author><label><small>Name (GONErequired)</small></label></p></form></div>
<div id=sidebar><ul><li><h2>GONEarchives Archives</h2>{links("May")}</li></ul></div>
<div id=footer><p>River notes is proudly GONEpowered powered by WordPress</p></div></div></body>""",
    ),
    "wordpress block theme": _page(
        "The KEEPtitle ferry",
        f"""<body><div class=wp-site-blocks><header class=wp-block-template-part><p class=wp-block-site-title>
<a href='/'>River GONEsite notes</a></p><nav class=wp-block-navigation>{links("Menu")}</nav></header>
<main class=wp-block-group><h1 class=wp-block-post-title>The KEEPtitle ferry</h1>
<div class=wp-block-post-date><time>May GONEdate 3, 2022</time></div><div class='entry-content wp-block-post-content'>
{_TEXT}<div class='sharedaddy sd-sharing-enabled'><h3 class=sd-title>Share GONEshare this:</h3><ul><li><a href=x>
Twitter GONEtwitter</a></li></ul></div><div id=jp-relatedposts class=jp-relatedposts><h3>Related GONErelated</h3>
<div class=jp-relatedposts-items><p>A GONEbridge of wood, and what became of it in the flood</p></div></div></div>
<div class=wp-block-comments><h2>Comments GONEcomments</h2><ol><li><p>What a GONEfine text, we crossed there as
children and were afraid of the rope.</p></li></ol></div></main>
<footer class=wp-block-template-part><p>Designed with GONEwordpress WordPress</p></footer></div></body>""",
    ),
    "blogger": _page(
        "The KEEPtitle ferry",
        f"""<body><div class=content-outer><div class='header section'><h1 class=title><a href='/'>River GONEsite
notes</a></h1></div>
<div class=tabs-outer>{links("Tab")}</div><div class=main-outer><div class=column-center-outer><div class='main
section'>
<div class='widget Blog'><div class='blog-posts hfeed'><h2 class=date-header><span>Monday, GONEdate 3 May
2010</span></h2>
<div class='post hentry'><h3 class='post-title entry-title'>The KEEPtitle ferry</h3><div class='post-body
entry-content'>
{A}<br><br>{B}<br><br>{C}</div><div class=post-footer><span class=post-author>Posted by GONEauthor Ada</span>
<span class=post-labels>Labels: <a href='/l'>GONElabel ferries</a></span></div></div><div class=comments id=comments>
<h4>2 GONEcount comments:</h4><p class=comment-body>I crossed GONEcrossed it in 1960 with my mother's bicycle.</p></div>
</div><div class=blog-pager><a href='/n'>Newer GONEnewer Post</a></div></div></div></div>
<div class='column-right-outer'><div class=sidebar><div class='widget BlogArchive'><h2>Blog GONEarchive Archive</h2>
{links("2010")}</div><div class='widget Profile'><h2>About GONEme Me</h2><p>I live GONElive by a river and write about
what floats on it, mostly on Sundays.</p></div></div></div></div></div></body>""",
    ),
    "typo3 institute": _page(
        "The KEEPtitle ferry",
        f"""<body><div id=wrap><div id=top><a href='#c'>Skip GONEskip to content</a><div class=tx-indexedsearch>
<form><input name=q></form></div></div><div id=left><ul class=level1>{links("Department")}</ul></div>
<div id=middle><div id=breadcrumb>You are GONEhere here: <a href='/'>Home</a> &gt; Ferries</div><!--TYPO3SEARCH_begin-->
<div id=c12 class='csc-default'><h1 class=csc-firstHeader>The KEEPtitle ferry</h1><div class=csc-textpic-text>{_TEXT}
</div></div><!--TYPO3SEARCH_end--></div><div id=right><div class=csc-default><h3>Contact</h3><p class=bodytext>
<a href='/p'>Dr Ada GONElind Lind</a><br><a href='mailto:a@b'>ada@GONEmail.example</a></p></div><div class=teaser><h3>
Open GONEday day</h3><p>On the first Sunday in June the institute opens GONEdoors its doors to everybody.</p>
<a href='/d'>more</a></div></div><div id=footer>Last GONEupdate update: 3.5.2015 | <a
href='/i'>Imprint</a></div></div></body>""",
    ),
    "drupal": _page(
        "The KEEPtitle ferry",
        f"""<body class='html not-front node-type-article'><div id=skip-link><a href='#main'>Skip to main GONEskip
content
</a></div><div id=page><div id=header class=region-header><div id=name-and-slogan>River GONEsite museum</div></div>
<div class='region region-sidebar-first sidebar'><div class='block block-menu'><h2>Navigation
GONEnav</h2>{links("Item")}
</div></div><div id=content class=column><h1 class=title id=page-title>The KEEPtitle ferry</h1><div class=tabs>
<ul class='tabs primary'><li><a href='/v'>View GONEview</a></li></ul></div><div class='node node-article' id=node-7>
<div class=submitted>Submitted by GONEsubmitted Ada on Mon, 05/03/2010 - 12:00</div><div class=content>
<div class='field field-name-body'><div class=field-items><div class='field-item even'>{_TEXT}</div></div></div>
<div class='field field-name-field-tags'><div class=field-label>Tags:&nbsp;</div><div class=field-items>
<a href='/t'>GONEtag ropes</a></div></div></div><ul class='links inline'><li><a href='/u'>Log in GONElogin</a> to post
comments</li></ul></div></div><div class='region region-sidebar-second sidebar'><div class=block><h2>Who's GONEonline
online</h2><p>There are currently 4 GONEusers users online and they read this site.</p></div></div></div></body>""",
    ),
    "joomla": _page(
        "The KEEPtitle ferry",
        f"""<body><div class=body><header class=header>River GONEsite club</header><div class='row-fluid'>
<div id=sidebar class=span3><div class=well><h3>Login GONElogin Form</h3><form><input name=u></form></div></div>
<main id=content class=span6><ul class=breadcrumb><li>You are GONEhere here:</li><li><a href='/'>Home</a></li></ul>
<div class=item-page><div class=page-header><h2>The KEEPtitle ferry</h2></div><dl class='article-info muted'>
<dt class=article-info-term>Details GONEdetails</dt><dd class=createdby>Written by GONEby Ada Lind</dd><dd class=hits>
Hits: GONEhits 4120</dd></dl><div itemprop=articleBody>{_TEXT}</div><ul class='pager pagenav'><li><a rel=prev href='/p'>
Prev GONEprev</a></li></ul></div></main><div id=aside class=span3><div class=well><h3>Latest GONElatest Articles</h3>
<ul class='latestnews'>{links("News")}</ul></div></div></div></div><footer class=footer><p>&copy; 2015 River GONEfoot
club</p></footer></body>""",
    ),
    "phpbb": _page(
        "The KEEPtitle ferry - River board",
        f"""<body id=phpbb class='nojs section-viewtopic'><div id=wrap><div id=page-header><div class=headerbar>
<p>River GONEboard board</p></div><div class=navbar>{links("FAQ")}</div></div><div id=page-body><h2 class=topic-title>
<a href='/t'>The KEEPtitle ferry</a></h2><div id=p1 class='post bg2'><div class=inner><dl class=postprofile id=profile1>
<dt><a href='/ada'>ada GONEada</a></dt><dd><strong>Posts:</strong> 4120</dd><dd><strong>Joined:</strong> GONEjoined Sun
Mar 2, 2008</dd></dl><div class=postbody><h3><a href='#p1'>The ferry</a></h3><ul class=post-buttons><li><a href='/q'>
Quote GONEquote</a></li></ul><p class=author>by ada &raquo; GONEwhen Mon May 3</p><div
class=content>{A}<br><br>{B}</div>
<div id=sig1 class=signature>Never GONEsignature row against the wind, says my uncle who never
rowed</div></div></div></div>
<div id=p2 class='post bg1'><div class=inner><dl class=postprofile><dt>ole GONEole</dt></dl><div class=postbody>
<div class=content>{C}</div></div></div></div><p class=jumpbox-return><a href='/f'>Return to GONEreturn Ferries</a></p>
<div class=stat-block><h3>Who is GONEonline online</h3><p>Users browsing this forum: No registered GONEusers users and
three guests</p></div></div><div id=page-footer><p>Powered by GONEpower phpBB</div></div></body>""",
    ),
    "discourse": _page(
        "The KEEPtitle ferry",
        f"""<body class=crawler><header><a href='/'>River GONEsite forum</a></header><div id=main-outlet class=wrap>
<div id=topic-title><h1><a href='/t/1'>The KEEPtitle ferry</a></h1></div><div itemscope class='topic-body
crawler-post'><div class=crawler-post-meta><span class=creator>
<a href='/u/ada'>ada GONEada</a></span> <span class=crawler-post-infos><time>May 3, 2020, GONEtime 7:12am</time></span>
</div><div class=post itemprop=text><p>{A}</p><p>{B}</p></div><div><span class=post-likes>4 Likes</span></div>
</div><div class='topic-body crawler-post'><div class=crawler-post-meta><a href='/u/ole'>ole GONEole</a></div>
<div class=post itemprop=text><p>{C}</p></div></div><div id=related-topics class=more-topics__list><h3>Related
GONErelated
topics</h3><table class=topic-list><tr><td><a href='/t/2'>A GONEbridge of
wood</a></td><td>4</td></tr></table></div></div>
<footer class=container><nav>{links("Terms")}</nav></footer></body>""",
    ),
    "vanilla": _page(
        "The KEEPtitle ferry",
        f"""<body id=vanilla_discussion_index class='Vanilla Discussion'><div class=Frame><header class=Header>
{links("Activity")}</header><main><div class=MessageList><h1>The KEEPtitle ferry</h1><div class=ItemDiscussion>
<div class=Message><p>{A}</p></div></div></div><div class=CommentsWrap><h2>Comments</h2><ul class='DataList Comments'>
<li class='Item ItemComment'><div class=Message><p>{B}</p></div></li><li class='Item ItemComment'><div class=Message>
<p>{C}</p></div></li></ul></div><div class=CommentForm><h2>Leave a GONEform comment</h2><textarea></textarea></div>
</main></div></body>""",
    ),
    "vbulletin": _page(
        "The KEEPtitle ferry</title><link rel=canonical href='https://river.example/forum/ferries/4120-ferry'><title>",
        f"""<body class='l-desktop page8'><div id=outer><header>{links("Members")}</header><h1>The KEEPtitle ferry</h1>
<ul class=conversation-list><li class='b-post js-comment-entry'><div class=b-post__body><p>{A}</p></div></li>
<li class='b-post js-comment-entry comment'><div class=b-post__body><p>{B}</p><p>{C}</p></div></li></ul>
<div class=footer><p>All GONEtimes times are in the time of Osten</p></div></div></body>""",
    ),
    "forum_until_a_script_has_run": _page(
        "The KEEPtitle ferry",
        f"""<body><section id=main></section><script>start({{"posts": "GONEscript"}})</script><noscript
data-path='/t/ferry'><header><a href='/'>River GONEriver</a></header><div id=main-outlet><h1>The KEEPtitle ferry</h1>
<div class='topic-body crawler-post'><div class=crawler-post-meta>ada GONEada</div><div class=post><p>{A}</p><p>{B}</p>
</div></div><div class='topic-body crawler-post'><div class=post><p>{C}</p></div></div></div></noscript></body>""",
    ),
    "calls_around_a_column": _page(
        "The KEEPtitle ferry",
        f"""<body><main><div class=hero><h1>The KEEPtitle ferry</h1></div><div class=x1>Ada GONEada</div>
<div class=x2><p>This post contains GONEdisclosed affiliate links; we may earn a commission if you buy a rope.</p>
<p>{A}</p><p>{B}</p><h2>At KEEPhead night</h2><p>{C}</p><p>{C}</p><p>{B}</p><p>{A}</p></div>
<div class=x3><h3>GONEready?</h3><p>GONEteam Ten rowers wait for you.</p></div>
<div class=x4><span>GONEoffice Landing 4, Osten</span></div>
<div class=x5><h2>References</h2><p>The KEEPreference rope book, 1931.</p></div>
<section class=faq><h3>Is it open?</h3><p>It is KEEPfaq open.</p></section></main></body>""",
    ),
    "author_named_in_head": _page(
        "The KEEPtitle ferry</title><meta name=author content='Ada Lind'><title>",
        f"""<body><article><h1>The KEEPtitle ferry</h1><div class=x1>Ada Lind, GONErole keeper of ropes</div>
<p>{A}</p><p>{B}</p><p>Ada Lind is KEEPsubject the daughter of the ferryman and was born in the boat.</p>
<p>{C}</p><p>{C}</p><p>{B}</p><p>{A}</p><p>{A}</p><p>{B}</p><p>{C}</p><div class=x2><p>Ada Lind writes about
ropes GONErope and rows to her desk on every day of the week.</p></div></article></body>""",
    ),
    "boxes_told_by_headings": _page(
        "The KEEPtitle ferry",
        f"""<body><article><h1>The KEEPtitle ferry</h1><h2>Related articles</h2><p>KEEPrelated The oldest articles
about the ferry are in the museum.</p><p>{A}</p><p>{B}</p><p>{C}</p><p>{C}</p><p>{B}</p><p>{A}</p><p>{A}</p><p>{B}</p>
<div class=x1><div class=x2><h3>About the Reviewer</h3></div><div class=x3><p>GONEreviewer Ole has read all that was
ever written about ferries.</p></div></div><div class=x4><div class=x5><h3>You may also like</h3></div><div class=x6>
<h4>Ten GONEten bridges</h4><p>We counted GONEcount all bridges of the river.</p><a href='/b'>Go</a></div></div>
<h2>At KEEPhead night</h2><p>{C}</p></article></body>""",
    ),
    "shopify": _page(
        "Ferry rope",
        f"""<body><div id=shopify-section-announcement-bar class=shopify-section><p>Free GONEfree shipping on all orders
over 50 euros in May</p></div><main id=MainContent><section class=product-section><div class='product grid'><div
class=product__info-wrapper><h1 class=product__title>Ferry KEEPtitle rope</h1><div class=price>EUR 45,00</div>
<form action='/cart/add'><label>Quantity GONEquantity</label><button>Add to GONEcart cart</button></form>
<div class='product__description rte'>{_TEXT}</div></div></div></section><section class='related-products'><h2>You may
also GONElike like</h2><ul class=product-grid><li class=grid__item><div class=card><h3><a href='/p/2'>Anchor
GONEanchor of
iron</a></h3></div></li></ul></section></main><footer class=footer><div class=newsletter-form><h2>Subscribe GONEsub
to our
emails</h2><input type=email></div></footer></body>""",
    ),
    "mediawiki": _page(
        "The KEEPtitle ferry - Riverwiki",
        f"""<body class='mediawiki ltr'><div id=content class=mw-body role=main><div id=siteNotice>Help us to GONEnotice
translate the wiki, every page counts</div><h1 id=firstHeading>The KEEPtitle ferry</h1><div id=bodyContent><div
id=siteSub>
From GONEfrom Riverwiki</div><div id=mw-content-text><div class=mw-parser-output><p>{A}</p><div id=toc class=toc><h2>
Contents</h2>{links("Contents")}</div><h2><span class=mw-headline>At KEEPhead night</span><span class=mw-editsection>
[<a href='/e'>GONEedit</a>]</span></h2><p>{B}</p><p>{C}</p><h2>External links</h2><ul><li><a href='https://o.example/'>
The KEEPlink museum of the river Osten</a></li></ul></div></div><div class=printfooter>Retrieved from
GONEretrieved</div>
<div id=catlinks class=catlinks><a href='/c'>Categories GONEcat</a></div></div></div><div id=mw-navigation><div
id=mw-panel>
{links("Portal")}</div></div><div id=footer role=contentinfo><li>This page was last edited GONEedited on 3 May
2020.</li>
</div></body>""",
    ),
    "ghost": _page(
        "The KEEPtitle ferry",
        f"""<body class=post-template><div class=site-wrapper><header class=site-header>{links("Menu")}</header><main
class='site-main outer'><article class='post-full post'><header class=post-full-header><section class=post-full-tags>
<a href='/t'>Rivers GONEtag</a></section><h1 class=post-full-title>The KEEPtitle ferry</h1><p
class=post-full-custom-excerpt>
A rope KEEPlead and a lamp.</p><div class=post-full-byline><h4 class=author-name><a href='/a'>Ada GONElind Lind</a></h4>
<time>3 May 2020</time></div></header><section class=post-full-content>{_TEXT}</section><section
class=subscribe-form><h3>
Subscribe to GONEsub River notes</h3><p>Get the latest posts GONEget delivered right to your inbox</p><form><input
type=email></form></section></article></main><aside class='read-next outer'><article class=read-next-card><h3>More in
GONEmore Rivers</h3><ul><li><a href='/b'>A GONEbridge of wood</a></li></ul></article><article class='post-card'><a
href='/x'><h2>GONEcard The lock at Brenna</h2><p>A lock GONEexcerpt lifts boats by nine metres and was dug by
hand.</p></a>
</article></aside></div></body>""",
    ),
    "squarespace": _page(
        "The KEEPtitle ferry",
        f"""<body><div id=siteWrapper><header id=header class=header>{links("Menu")}</header><main id=page role=main>
<article class='blog-item-wrapper'><div class=blog-item-top-wrapper><h1 class='entry-title'>The KEEPtitle ferry</h1>
<div class=blog-item-meta-wrapper>Written By <a href='/a'>GONElind Lind</a></div></div><div
class=blog-item-content-wrapper>
<div class='sqs-layout'><div class='row sqs-row'><div class='sqs-block html-block'><div
class=sqs-block-content>{_TEXT}</div>
</div></div></div></div><div class='sqs-block newsletter-block'><h2>Sign up GONEsign</h2><p>Sign up with your e-mail
GONEmail
address to receive news and updates.</p></div></article><section class=item-pagination><a href='/n'><h2>Next GONEnext A
bridge of wood</h2></a></section></main></div></body>""",
    ),
    "tables of 2001": _page(
        "Ferry",
        f"""<body bgcolor='#ffffff'><table width=780 border=0 cellpadding=0><tr><td colspan=3><img src=logo.gif>
<font size=1><a href='/'>Home GONEhome</a> | <a href='/n'>News GONEnews</a> | <a href='/k'>Contact
GONEcontact</a></font></td>
</tr><tr><td width=140 valign=top bgcolor='#eeeeee'><font size=1><a href='/1'>Boats GONEboats</a><br><a href='/2'>Ropes
GONEropes</a><br><a href='/3'>Lamps GONElamps</a></font></td><td valign=top><font size=4><b>The KEEPtitle
ferry</b></font>
<br><br><font size=2>{A}<br><br>{B}<br><br>{C}</font></td><td width=140 valign=top><font size=1><a href='/4'>Order
GONEorder
our calendar for 2002 now</a></font></td></tr><tr><td colspan=3 align=center><font size=1>&copy; 2001 GONEcopy
Friends of
the ferry - <a href='mailto:x'>webmaster GONEwebmaster</a></font></td></tr></table></body>""",
    ),
    "newsletter box without a name": _page(
        "The KEEPtitle ferry",
        f"""<body><div class=x1><article><h1>The KEEPtitle ferry</h1><p>{A}</p><p>{B}</p><div
class=b7><div><h2>Subscribe to
GONEsub the morning post</h2><p>Get the day's GONEheadlines headlines every morning.</p></div><div><form><input
type=email>
</form><div class=ok>You have GONEok been subscribed!</div></div></div><p>{C}</p></article></div></body>""",
    ),
    "headline of another story between paragraphs": _page(
        "The KEEPtitle ferry",
        f"""<body><div class=x1><article><h1>The KEEPtitle ferry</h1><div class=t><p>{A}</p><p>{B}</p><p><strong><a
href='https://news.example/bridge'>A GONEbridge OF WOOD BURNS FOR THREE
DAYS</a></strong></p><p>{A}</p><p>{B}</p><ul><li><a
href='/k/1'>Ten GONEten lamps that everybody should have seen</a></li><li><a href='/k/2'>The GONElock at Brenna in
eleven
pictures</a></li></ul><p>{C} It is written down here, KEEPcolon:</p><p><a href='https://news.example/rules'>The
KEEPrules of
the ferry of Osten</a></p><p>{A}</p></div><div class=h3><h4>About the author</h4><p>Ada GONElind Lind writes about
rivers and
lives by one.</p></div></article></div></body>""",
    ),
}
