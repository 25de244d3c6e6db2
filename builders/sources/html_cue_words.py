"""The words of lines that say of themselves that they are no content: invitations, advertisements, credits."""

from __future__ import annotations

import re

# The whole text of a block, whatever it holds.
ALONE = re.compile(
    r"(?:advert(?:isement|ising)?s?|sponsored|ad|anzeigen?|werbung|publicidade?|publicit\u00e9|pubblicit\u00e0|"
    r"reklama?|"
    r"\u0440\u0435\u043a\u043b\u0430\u043c\u0430|iklan|advertentie|annonse?|"
    r"(?:back|return) to (?:the )?top|skip to (?:\w+ )?content|comments(?: \(\+\))?|"
    r"kommentar (?:schreiben|verfassen|hinterlassen|abgeben)|(?:schreibe? (?:einen|ein)|ihr|dein) kommentar|"
    r"(?:artikel|seite|beitrag) drucken|(?:artikel|beitrag|seite)? ?teilen|laisser un commentaire|deja un comentario|"
    r"deixe um coment\u00e1rio|lascia un commento|leave a reply(?: cancel reply)?|partager|compartir|"
    r"compartilhar|condividi|"
    r"\u043f\u043e\u0434\u0435\u043b\u0438\u0442\u044c\u0441\u044f|"
    r"(?:your email address will not be published|(?:deine|ihre) e-mail-adresse wird nicht ver\u00f6ffentlicht)\b.*|"
    r"nach oben|haut de page|loading(?:\.{3}|\u2026)?|"
    r"share (?:this|on|via|with)(?: \w+){0,3}|like this|tweet|pin it|tell us what you think\W*|"
    r"(?:post|leave|write|add) (?:a )?(?:comment|reply)(?: \(\+\))?|"
    r"(?:no|\d+) (?:comments?|replies|kommentare?|likes?|views?|shares)|"
    r"this slideshow requires javascript|please enable javascript[\w ,]*|enlarge image|continue reading below|"
    r"media playback is (?:not supported|unsupported)[\w ]*|read later|text size|join the conversation|"
    r"no comments(?: yet)?|be the first to comment|log ?in(?: or|/)? (?:register|sign up)|jump to navigation|"
    r"zum inhalt springen|zur navigation springen|aller au contenu|saltar al contenido|ir al contenido|"
    r"vai al contenuto|ir para o conte\u00fado|naar de inhoud|"
    r"\u043f\u0435\u0440\u0435\u0439\u0442\u0438 \u043a "
    r"\u0441\u043e\u0434\u0435\u0440\u0436\u0438\u043c\u043e\u043c\u0443|"
    r"\u0434\u043e\u0431\u0430\u0432\u0438\u0442\u044c "
    r"(?:\u043a\u043e\u043c\u043c\u0435\u043d\u0442\u0430\u0440\u0438\u0439|\u043e\u0442\u0437\u044b\u0432)|"
    r"\u5206\u4eab|\u5e7f\u544a|\u5ee3\u544a|\u53d1\u8868\u8bc4\u8bba|\u8fd4\u56de\u9876\u90e8|"
    r"\u30b7\u30a7\u30a2|\u5e83\u544a|"
    r"\u30c8\u30c3\u30d7\u3078\u623b\u308b|\u30b3\u30e1\u30f3\u30c8\u3092\u6b8b\u3059|"
    r"story continues below(?: advertisement)?)[\s:.!]*",
    re.IGNORECASE,
)
# The start of a line that is mostly links.
LEADS_AWAY = re.compile(
    r"\W*(?:read (?:more|next|also)|also read|see more\s*:|watch(?: now)?|related(?: (?:story|stories|articles?|"
    r"posts?|"
    r"video|news))?\s*:|more\s*:|more from|more on this|don.t miss|up next|sign up|subscribe|follow us|click here|"
    r"lesen sie auch|lesen sie mehr|mehr zum thema|auch interessant|lire aussi|\u00e0 lire|lea tambi\u00e9n|le puede "
    r"interesar|leia (?:tamb\u00e9m|mais)|veja tamb\u00e9m|leggi anche|lees ook|czytaj (?:te\u017c|wi\u0119cej)|"
    r"\u0447\u0438\u0442\u0430\u0439\u0442\u0435 \u0442\u0430\u043a\u0436\u0435)(?!\w)",
    re.IGNORECASE,
)
# A line of links behind a label, and links that are buttons.
LABELLED = re.compile(
    r"(?:tags|schlagw(?:\u00f6|oe)rter|stichw\u00f6rter|kategorien?|categor(?:y|ies)|filed (?:under|in)|"
    r"posted (?:in|on|by)|tagged(?: with)?|abgelegt (?:in|unter)|ver\u00f6ffentlicht (?:in|am|unter|von)|"
    r"verschlagwortet(?: mit)?|publi\u00e9 (?:dans|le|par)|mots-cl\u00e9s|\u00e9tiquettes?|etiquetas?|"
    r"categor[\u00edi]as?|"
    r"publicado (?:en|em|por)|archiviato in|geplaatst (?:in|op|door)|trackbacks?|permalinks?|bookmark the permalink|"
    r"(?:previous|next|older|newer) (?:post|article|entry|story)|(?:vorheriger|n\u00e4chster|\u00e4lterer|neuerer) "
    r"(?:beitrag|artikel)|article (?:pr\u00e9c\u00e9dent|suivant)|entrada (?:anterior|siguiente))(?!\w)",
    re.IGNORECASE,
)
BUTTONS = re.compile(
    r"\W*(?:reply|antworten|r\u00e9pondre|responder|rispondi|print|drucken|imprimer|imprimir|e-?mail|facebook|"
    r"twitter|"
    r"linkedin|whatsapp|pinterest|xing|reddit|telegram|flattr|rss|kommentare?|commentaires?|comentarios|commenti|"
    r"whatsapp|print this(?: page)?|google\+|tumblr|"
    r"gef\u00e4llt mir|cancel reply|antwort abbrechen)\W*",
    re.IGNORECASE,
)
# An invitation with a link, whatever part of it is the link.
INVITES = re.compile(
    r"(?:follow|like|find|join) .{2,60} on (?:facebook|twitter|x\b|instagram|youtube|linkedin|telegram|whatsapp)|"
    r"(?:sign up|subscribe|get|join|receive)\b.{2,90}\b(?:newsletters?|inbox|email alerts?|news alerts?)\b",
    re.IGNORECASE,
)
# A heading over links to other articles.
OVER_LINKS = re.compile(
    r"\W*(?:related (?:stories|articles?|posts?|news|content|coverage|reading)|"
    r"more (?:great )?(?:\w+ )?(?:stories|news|articles|posts)(?: like this(?: one)?)?|"
    r"more (?:from|in) [\w .&-]+|you (?:may|might) (?:also )?(?:like|be interested in|enjoy)|"
    r"recommended(?: for you| articles| stories)?|read next|up next|don.t miss|"
    r"most (?:read|popular|viewed|commented)(?: \w+)?|popular (?:posts|stories|articles|on [\w ]+)|"
    r"trending(?: now| news| stories)?|"
    r"(?:latest|recent|top) (?:news|stories|posts|articles)|more|sponsored links|"
    r"das k\u00f6nnte (?:sie|dich|euch) auch interessieren|"
    r"mehr zum thema|\u00e4hnliche (?:artikel|beitr\u00e4ge)|meistgelesen|articles? "
    r"(?:similaires|li\u00e9s|r\u00e9cents)|\u00e0 lire aussi|art\u00edculos relacionados|noticias relacionadas|"
    r"voc\u00ea pode gostar|leia tamb\u00e9m|articoli correlati|potrebbe interessarti|"
    r"te puede interesar|leer tambi\u00e9n|lo m\u00e1s le\u00eddo|m\u00e1s le\u00eddas|les plus lus|"
    r"sur le m\u00eame sujet|pi\u00f9 letti|"
    r"lees ook|meest gelezen|auch interessant|weitere (?:artikel|beitr\u00e4ge|themen|meldungen)|meist ?gelesen\w*|"
    r"\u0447\u0438\u0442\u0430\u0439\u0442\u0435 \u0442\u0430\u043a\u0436\u0435|"
    r"\u043f\u043e\u0445\u043e\u0436\u0438\u0435 (?:\u0441\u0442\u0430\u0442\u044c\u0438|"
    r"\u0437\u0430\u043f\u0438\u0441\u0438)|"
    r"\u0441\u0430\u043c\u044b\u0435 \u043f\u043e\u043f\u0443\u043b\u044f\u0440\u043d\u044b\u0435[\w ]*|"
    r"\u043f\u043e \u0442\u0435\u043c\u0435|"
    r"\u76f8\u5173(?:\u6587\u7ae0|\u9605\u8bfb|\u65b0\u95fb)|\u70ed\u95e8\u6587\u7ae0|\u63a8\u8350\u9605\u8bfb|"
    r"\u95a2\u9023(?:\u8a18\u4e8b|\u30ea\u30f3\u30af)|"
    r"\u4eba\u6c17\u8a18\u4e8b|\u3042\u308f\u305b\u3066\u8aad\u307f\u305f\u3044)[\s:.\u2026]*",
    re.IGNORECASE,
)
_MONTHS = (
    "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|m\u00e4r|mai|okt|dez|janv|f\u00e9vr|avr|juin|juil|ao\u00fbt|d\u00e9c|ene|abr|"
    "ago|dic|fev|set|out|gen|mag|giu|lug|ott"
)
_DAY_FIRST = rf"\d{{1,2}}\.?\s+(?:de\s+)?(?:{_MONTHS})\w*\.?,?"
_MONTH_FIRST = rf"(?:{_MONTHS})\w*\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?"
_DATE = rf"(?:{_DAY_FIRST}|{_MONTH_FIRST})\s+(?:de\s+)?\d{{4}}"
# A date with what stands beside it in a byline: weekday, time, zone.
DATED = re.compile(
    rf"(?:(?:first |last |originally )?(?:published|updated|posted|modified)\b.{{0,48}}(?:\d{{4}}|ago)\b.{{0,60}}|"
    rf"(?:[\w\u00e0-\u00ff-]+,?\s+)?{_DATE}(?:[\s,|"
    rf"/@\u2022\u00b7-]+(?:at\s+)?\d{{1,2}}[:.]\d\d\s*(?:[ap]\.?m\.?)?\s*\w{{0,4}})?)",
    re.IGNORECASE | re.DOTALL,
)
BY = re.compile(
    r"(?:by|von|par|por|di|door)\s*:?\s+\w[\w.'\u2019-]*(?:,? (?:and |und |et |y |e )?\w[\w.'\u2019-]*){1,6}",
    re.IGNORECASE,
)
# Who wrote it and when, in one line.
BY_AND_WHEN = re.compile(
    rf"(?:by|von|par|por|di|door)\s*:?\s+\w.{{2,60}}?[\s,|\u2013\u2014-]+"
    rf"(?:(?:on |am |le |publiziert am |\u00fcber )?(?:[\w\u00e0-\u00ff-]+,?\s+)?{_DATE}|\d{{4}}-\d\d-\d\d)"
    r"(?:\W+(?:at\s+)?\d{1,2}[:.]\d\d\s*(?:[ap]\.?m\.?)?\s*\w{0,4})?\W*",
    re.IGNORECASE | re.DOTALL,
)
LINKED_DATE = re.compile(rf"(?:[\w\u00e0-\u00ff-]+,?\s+)?{_DATE}\W.*", re.IGNORECASE | re.DOTALL)
# What a line between the blocks of an article says when it is a label or a button; in a list it may be a menu's item.
LABEL = re.compile(
    r"\W*(?:shares?(?: this)?(?: (?:article|post|story|page))?|tags?|(?:table of contents?|on this page|"
    r"in this (?:article|post|story|guide))|jump to(?: (?:section|recipe|details|content))?|"
    r"(?:link )?copied(?: to clipboard)?|copy link|listen(?: to (?:this |the )?(?:article|story|episode))?|"
    r"read (?:the )?(?:full )?(?:article|story|post|review)|(?:learn|read|see|show|view|load|discover|find out) "
    r"(?:more|all|less)|(?:contact|call|email|chat with|follow) us(?: now| today)?|"
    r"get (?:started|in touch|a (?:free )?(?:quote|demo|estimate))(?: today| now)?|"
    r"(?:start|try)(?: it)?(?: your| a| our)? ?(?:for )?free(?: trial)?(?: now| today)?|"
    r"(?:request|book|schedule|get|see)(?: a| your| my)?(?: free)? (?:demo|call|consultation|information|quote|tour|"
    r"appointment)|apply now|(?:sign|log) ?(?:up|in|out)(?: now| today| here| for free)?|subscribe(?: now|"
    r" today| here)?|"
    r"(?:shop|buy|book|order|download|register|enquire|enroll?|donate|join|call|watch|listen) (?:now|today|here)|"
    r"add to (?:cart|bag|basket|wish ?list)|(?:view|start) (?:course|list|profile|gallery|deal|offer)|"
    r"check (?:price|availability|out our .{2,30})|(?:pin|save) (?:it|this|me)(?: post| recipe)?(?: here| now)?"
    r"(?: for later)?|like it\W+pin it|article continues below|in partnership with|proudly supporting|"
    r"(?:written|reviewed|edited|fact[- ]checked|medically reviewed|posted|published) by|"
    r"(?:last |recently )?(?:updated|modified)(?: on)?|published(?: on)?|share your (?:story|thoughts)|leave a comment|"
    r"other related (?:articles|posts)|(?:similar|related) (?:articles|posts|stories|topics|content|news|reading)|"
    r"more to explore\w*|(?:image|photo) ?credits?|image via|getty images|prefer to watch|did you (?:like|enjoy) "
    r"this (?:article|post)|was this (?:article|page|post|information) (?:helpful|useful)|"
    r"oops\W+something went wrong.{0,50}|thank you\W+your (?:submission|message) has been received|"
    r"an error occurred.{0,40}|please (?:try again|wait)(?: later)?|loading(?: [a-z]+)?|"
    r"weiterlesen|mehr (?:erfahren|lesen|anzeigen|dazu)|jetzt (?:kaufen|bestellen|anmelden|lesen|testen|buchen|"
    r"abonnieren|registrieren)|zum (?:shop|angebot|produkt)|kontakt aufnehmen|artikel (?:merken|h\u00f6ren|"
    r"anh\u00f6ren|"
    r"vorlesen|verschenken)|inhaltsverzeichnis|in diesem (?:artikel|beitrag)|auf dieser seite|"
    r"en savoir plus|lire la suite|s.abonner|dans cet article|leer m\u00e1s|ver m\u00e1s|suscr\u00edbete|"
    r"saiba mais|leia mais|ver mais|leggi (?:tutto|di pi\u00f9)|scopri di pi\u00f9|iscriviti|lees (?:meer|verder)|"
    r"l\u00e6s mere|les mer|l\u00e4s mer|czytaj dalej|"
    r"\u0447\u0438\u0442\u0430\u0442\u044c \u0434\u0430\u043b\u0435\u0435|"
    r"\u043f\u043e\u0434\u0440\u043e\u0431\u043d\u0435\u0435|\u7d9a\u304d\u3092\u8aad\u3080|"
    r"\u9605\u8bfb\u5168\u6587)[\s:.!?\u2026>\u2192\u00bb]*",
    re.IGNORECASE,
)
# The start of a line that is nothing but a link, which calls for something.
CALLS = re.compile(
    r"\W*(?:shop|buy|order|book|compare|check (?:price|availability|out)|read (?:our|the|my|his|her|their) |"
    r"see (?:price|deal|it (?:at|on)|our)|view (?:deal|price|offer|at|on|our)|get (?:deal|it|yours|started|"
    r"the (?:app|free))|"
    r"pin |subscribe|sign up|register|join|enroll?|apply|request|schedule|contact|call|start|try |claim|donate|"
    r"learn more|read more|discover|explore|find out more|download (?:our|the (?:app|free|full|ebook|guide|report))|"
    r"jetzt |zum |hier geht|mehr )",
    re.IGNORECASE,
)
# Who owns a picture, where that is all that is said of it: a name behind a label, or an agency behind a name.
_AGENCY = r"(?:getty(?: images)?|shutterstock|unsplash|istock|adobe stock|pexels|pixabay|reuters|flickr)"
_NAME_PART = r"(?:[^\W\d_a-z][\w.'\u2019&-]*|\d{4}|[@\u00a9][\w.-]+|of|the|and|via|on|by|for|from|und|de|courtesy)"
IMAGE_CREDIT = re.compile(
    r"[\W_]*(?:(?:(?:featured |cover |header |lead )?(?:image|photo|picture|photograph|illustration|graphic|screenshot|"
    r"video|bild|foto|grafik|imagen|imagem|immagine|titelbild|beitragsbild)s?"
    r"\s*(?:credits?|courtesy(?: of)?|source|by|via|quelle|nachweis|:|\u00a9|/)+|"
    r"(?:source|quelle|credits?|cr\u00e9dit(?: photo)?s?|fuente|fonte|bron)\s*[:/]|courtesy of|\u00a9)\s*[:/\u00a9]?\s*"
    rf"(?-i:{_NAME_PART}(?:[\s,|/()-]+{_NAME_PART}){{0,11}})?|source|quelle|"
    rf".{{2,50}}[/,|(]\s*{_AGENCY}|.{{0,40}} (?:via|on) {_AGENCY})[\W_]*",
    re.IGNORECASE,
)
# That a text earns money by its links.
DISCLOSURE = re.compile(
    r"\baffiliate (?:links?|partner|commission|marketer|programs?|disclosure)|amazon associate|"
    r"(?:earn|receive|get) (?:a |an )?(?:small |affiliate )?(?:commission|referral)|affiliate-?links?|"
    r"provisions-links?|"
    r"\bwe (?:may )?earn from qualifying|liens? affili\u00e9s?|enlaces? de afiliad",
    re.IGNORECASE,
)
_READING = (
    r"(?:(?:reading|read) ?time|lese(?:zeit|dauer)|temps de lecture|tiempo de lectura|tempo di lettura|leestijd)\W*"
    r"(?:ca\.? )?\d+.{0,14}|(?:\d+|x+)\s*-?\s*(?:min(?:ute)?s?\.?)[ -]*(?:(?:to )?read\w*(?: time)?|lesezeit|lesedauer|"
    r"de lecture|de lectura|di lettura|leestijd)"
)
# One of several things that stand in a line about an article: a time, how long it takes to read, how many did.
ABOUT = re.compile(
    rf"(?:{_READING}|\d+ (?:min(?:ute)?s?|hours?|days?|weeks?|months?|years?) ago|vor \d+ (?:minuten|stunden|"
    rf"tagen|wochen)|"
    rf"[\d.,]+[km]? (?:views?|shares?|comments?|likes?|reads?|aufrufe|kommentare)|{_DATE}|\d{{4}}-\d\d-\d\d|"
    r"\d{1,2}[./]\d{1,2}[./]\d{2,4})",
    re.IGNORECASE,
)
BETWEEN = re.compile(r"\s+[|\u2022\u00b7\u2013\u2014/-]+\s+|\s*[|\u2022\u00b7]\s*")
