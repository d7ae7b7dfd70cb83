/**
 * The HTML that mail programs build around a reply or a forward: where the new words stand, what their own line is
 * wrapped in, what holds the quoted mail. Rebuilt by us after what the programs send; `table.ts` says which program
 * writes which, and where that can be looked up.
 */

/** What goes into a shape; all of it HTML. */
export interface Pieces {
  /** The writer's words; '' where there are none. */
  readonly own: string;
  /** The client's line or header block, with `<br>` between its lines. */
  readonly head: string;
  readonly quote: string;
  /** Words below the quote; '' where there are none. */
  readonly below: string;
  /** A device line; '' where there is none. */
  readonly device: string;
}

export type Shape = (pieces: Pieces) => string;

const CITE = 'border-left:2px solid #1010ff;margin:0;padding-left:0.4em';

export const SHAPES = {
  gmail: ({ own, head, quote, below, device }) =>
    `<div dir="ltr">${own}${device}</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">${head}<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">${quote}</blockquote></div>${below === '' ? '' : `<div dir="ltr">${below}</div>`}`,
  gmailForward: ({ own, head, quote, device }) =>
    `<div dir="ltr">${own}${device}<br><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">${head}<br></div><br><br>${quote}</div></div>`,
  superhuman: ({ own, head, quote, below, device }) =>
    `<html><head></head><body><div><div><div>${own}</div><div class="sh-signature"><div class="gmail_signature">${device}</div></div></div><br/><div class="sh-quoted-content"><div><div class="gmail_quote">${head}<br/><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex"><div class="gmail_extra"><div class="gmail_quote">${quote}</div></div></blockquote></div></div></div>${below}</div></body></html>`,
  mailbird: ({ own, head, quote, below, device }) =>
    `<body><div id="__MailbirdStyleContent" style="font-size: 10pt;font-family: Arial;" dir="ltr">${own}<div class="mb_sig">${device}</div><blockquote class="history_container" type="cite" style="border-left-style:solid;border-width:1px; margin-top:20px; margin-left:0px;padding-left:10px;"><p style="color: #AAAAAA; margin-top: 10px;">${head}</p><div>${quote}</div></blockquote>${below}</div></body>`,
  apple: ({ own, head, quote, below, device }) =>
    `<html><body style="overflow-wrap: break-word;">${own}${device}<div><br><blockquote type="cite"><div>${head}</div><br class="Apple-interchange-newline"><div>${quote}</div></blockquote></div>${below}</body></html>`,
  wordBorder: ({ own, head, quote, below, device }) =>
    `<html><body lang="EN-GB"><div class="WordSection1">${own}${device}<p class="MsoNormal"><o:p>&nbsp;</o:p></p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal">${head}<o:p></o:p></p></div></div><p class="MsoNormal"><o:p>&nbsp;</o:p></p>${quote}${below}</div></body></html>`,
  outlookWeb: ({ own, head, quote, below, device }) =>
    `<html><body dir="ltr"><div class="elementToProof">${own}</div>${device}<div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt">${head}</font><div>&nbsp;</div></div>${quote}${below}</body></html>`,
  outlookMobile: ({ own, head, quote, below, device }) =>
    `<html><body><div dir="ltr">${own}</div>${device === '' ? '' : `<div id="ms-outlook-mobile-signature">${device}</div>`}<div id="mail-editor-reference-message-container" class="ms-outlook-mobile-reference-message skipProofing"><meta><hr style="display:inline-block;width:98%"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif">${head}</font><div>&nbsp;</div></div>${quote}</div>${below}</body></html>`,
  windowsMail: ({ own, head, quote, below, device }) =>
    `<html><head><meta name="generator" content="Windows Mail 17.5.9600.20498"></head><body dir="ltr"><div data-externalstyle="false" dir="ltr"><div>${own}</div>${device}<div data-signatureblock="true"><div><br></div></div><div style="padding-top: 5px; border-top-color: rgb(229, 229, 229); border-top-width: 1px; border-top-style: solid;"><div><font face="Calibri">${head}</font></div></div><div><br></div><div dir="">${quote}</div>${below}</div></body></html>`,
  outlookMac: ({ own, head, quote, below, device }) =>
    `<html><body><div class="WordSection1">${own}${device}<p class="MsoNormal">&nbsp;</p><div id="mail-editor-reference-message-container"><div><div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0in 0in 0in"><p class="MsoNormal">${head}</p></div>${quote}</div></div>${below}</div></body></html>`,
  thunderbird: ({ own, head, quote, below, device }) =>
    `<html><body>${own}${device}<div class="moz-cite-prefix">${head}<br></div><blockquote type="cite" cite="mid:mail_9@acme.example">${quote}</blockquote>${below}</body></html>`,
  thunderbirdForward: ({ own, head, quote, device }) =>
    `<html><body>${own}${device}<div class="moz-forward-container"><br><br>${head}<br><br>${quote}</div></body></html>`,
  yahoo: ({ own, head, quote, below, device }) =>
    `<html><body><div class="ydp1yahoo-style-wrap"><div dir="ltr">${own}</div>${device}</div><div id="ydp2yahoo_quoted_9" class="ydp2yahoo_quoted"><div style="font-family:Helvetica"><div>${head}</div><div><br></div><div>${quote}</div></div></div>${below}</body></html>`,
  proton: ({ own, head, quote, below, device }) =>
    `<div style="font-family: Arial;">${own}</div>${device === '' ? '' : `<div class="protonmail_signature_block">${device}</div>`}<div class="protonmail_quote">${head}<br><blockquote class="protonmail_quote" type="cite">${quote}</blockquote></div>${below}`,
  tuta: ({ own, head, quote, below, device }) =>
    `<html><body><div>${own}</div>${device}<div><br></div><div>${head}<br></div><blockquote class="tutanota_quote" style="border-left: 1px solid #93A3B8; padding-left: 10px; margin-left: 5px;">${quote}</blockquote>${below}</body></html>`,
  cite: ({ own, head, quote, below, device }) =>
    `<!DOCTYPE html><html><body>${own}${device}<div>${head}<br></div><blockquote type="cite" style="${CITE}">${quote}</blockquote>${below}</body></html>`,
  nextcloud: ({ own, head, quote, below, device }) =>
    `<p>${own}</p>${device}<p></p><div class="quote">${head}<br><blockquote>${quote}</blockquote></div>${below}`,
  mailspring: ({ own, head, quote, below, device }) =>
    `<div>${own}</div>${device}<br><div class="gmail_quote_attribution">${head}</div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex;">${quote}<br></blockquote>${below}`,
  bare: ({ own, head, quote, below, device }) =>
    `<html><body>${own}${device}<div>${head}</div><blockquote>${quote}</blockquote>${below}</body></html>`,
  bordered: ({ own, head, quote, below, device }) =>
    `<div>${own}${device}</div><div><br></div><div>${head}</div><blockquote style="border-left:1px solid #0857A6;margin:10px;padding:0 0 0 10px;">${quote}</blockquote>${below}`,
  zoho: ({ own, head, quote, below, device }) =>
    `<div style="font-family: Verdana;">${own}${device}<div class="zmail_extra_hr" style="border-top: 1px solid rgb(204, 204, 204);"><br></div><div class="zmail_extra" data-zbluepencil-ignore="true"><div>${head}<br></div><blockquote style="border-left: 1px solid rgb(204, 204, 204); padding-left: 6px; margin: 0px 0px 0px 5px;">${quote}</blockquote></div>${below}</div>`,
  named: ({ own, head, quote, below, device }) =>
    `<html><body><div style="font-family: Verdana;font-size: 12.0px;">${own}${device}<div><div name="quote" style="margin:10px 5px 5px 10px; padding: 10px 0 10px 10px; border-left:2px solid #C3D9E5;"><div style="margin:0 0 10px 0;">${head}</div><div name="quoted-content">${quote}</div></div></div>${below}</div></body></html>`,
  roundcube: ({ own, head, quote, below, device }) =>
    `<html><body style='font-size: 10pt'>${own}${device}<p id="reply-intro">${head}</p><blockquote type="cite" style="padding: 0 0.4em; border-left: #1010ff 2px solid; margin: 0">${quote}</blockquote>${below}</body></html>`,
  zimbra: ({ own, head, quote, below, device }) =>
    `<html><body><div style="font-family: arial">${own}${device}<br><hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__"><blockquote style="border-left:2px solid #1010FF;margin-left:5px;padding-left:5px;">${head}</blockquote></div><div data-marker="__QUOTED_TEXT__"><blockquote style="border-left:2px solid #1010FF;margin-left:5px;padding-left:5px;">${quote}</blockquote></div>${below}</div></body></html>`,
  spark: ({ own, head, quote, below, device }) =>
    `<html><body><div name="messageBodySection"><div dir="auto">${own}</div></div>${device === '' ? '' : `<div name="messageSignatureSection">${device}</div>`}<div name="messageReplySection">${head}<br><blockquote type="cite" style="border-left-color: grey; border-left-width: thin; border-left-style: solid; margin: 5px 5px;padding-left: 10px;">${quote}</blockquote></div>${below}</body></html>`,
  airmail: ({ own, head, quote, below, device }) =>
    `<html><body>${own}${device === '' ? '' : `<div class="bloop_sign">${device}</div>`}<p class="airmail_on">${head}</p> <blockquote type="cite" class="clean_bq"><div>${quote}</div></blockquote>${below}</body></html>`,
  grey: ({ own, head, quote, below, device }) =>
    `<div>${own}</div>${device}<div><br></div><div style="font-size: 12px;background:#efefef;padding:8px;"><div>${head}</div></div><div><br></div>${quote}${below}`,
  netease: ({ own, head, quote, below, device }) =>
    `<div style="line-height:1.7;color:#000000;font-size:14px">${own}${device}<br><br><div id="isReplyContent" style="margin:0;padding:0;">${head}<br><blockquote id="isReplyContent" style="PADDING-LEFT: 1ex; MARGIN: 0px 0px 0px 0.8ex; BORDER-LEFT: #ccc 1px solid">${quote}</blockquote></div>${below}</div>`,
  foxmail: ({ own, head, quote, below, device }) =>
    `<html><body><div>${own}</div>${device}<hr style="width: 210px; height: 1px;" color="#b5c4df" size="1" align="left"><blockquote style="margin-top: 0px; margin-bottom: 0px; margin-left: 0.5em;"><div>&nbsp;</div><div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm"><div style="PADDING-RIGHT: 8px; BACKGROUND: #efefef">${head}</div></div><div>${quote}</div></blockquote>${below}</body></html>`,
  lines: ({ own, head, quote, below, device }) =>
    `<html><body>${own}${device}<br>${head}<br><br>${quote}${below}</body></html>`,
} satisfies Record<string, Shape>;
